import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

/** What a call cost, as OpenAI's API says it. */
export interface ModelUsage {
  prompt_tokens: number
  completion_tokens: number
  prompt_tokens_details?: { cached_tokens: number }
  completion_tokens_details?: { reasoning_tokens: number }
}

/** One request that reached the model, to be answered step by step. */
export class ModelCall {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: { model: string, messages: Array<{ role: string, content: string, tool_call_id?: string }>, tools?: Array<{ function: { name: string } }>, reasoning_effort?: string }
  /** Resolves when the response is over; `true` when it was sent whole. */
  readonly closed: Promise<boolean>
  readonly #response: ServerResponse
  readonly #toolCallId: () => string

  constructor (path: string, headers: IncomingHttpHeaders, body: string, response: ServerResponse, toolCallId: () => string) {
    this.path = path
    this.headers = headers
    this.body = JSON.parse(body)
    this.#response = response
    this.#toolCallId = toolCallId
    this.closed = once(response, 'close').then(() => response.writableFinished)
  }

  /** Sends one piece of the answer. */
  say (content: string): void {
    this.#chunk({ role: 'assistant', content }, null)
  }

  /** Asks for a tool, whether it was offered or not, and ends. */
  callTool (name: string, args: object, usage?: ModelUsage): void {
    this.callTools([{ name, args }], usage)
  }

  /** Asks for several tools at once, by ids that count up, and ends. Arguments that are a string go out as they are. */
  callTools (calls: ReadonlyArray<{ name: string, args: object | string }>, usage?: ModelUsage): void {
    this.#chunk({
      role: 'assistant',
      tool_calls: calls.map(({ name, args }, index) => (
        { index, id: this.#toolCallId(), type: 'function', function: { name, arguments: typeof args === 'string' ? args : JSON.stringify(args) } }
      ))
    }, null)
    this.#finish('tool_calls', usage)
  }

  /** What the tools have said, by the ids of the calls. */
  get toolResults (): Record<string, string> {
    return Object.fromEntries(this.body.messages.flatMap(({ role, content, tool_call_id: id }) => role === 'tool' && id ? [[id, content]] : []))
  }

  /** Sends one piece of what the model thinks. */
  think (text: string): void {
    this.#chunk({ role: 'assistant', reasoning_content: text }, null)
  }

  /** Ends the answer, with its price when one is given. */
  end (reason: 'stop' | 'length' | 'content_filter' = 'stop', usage?: ModelUsage): void {
    this.#finish(reason, usage)
  }

  /** Answers whole, as if no stream had been asked for. */
  reply (content: string, reasoning?: string): void {
    this.#response.setHeader('content-type', 'application/json')
    this.#response.end(JSON.stringify({ id: 'c1', object: 'chat.completion', created: 1, model: this.body.model, choices: [{ index: 0, message: { role: 'assistant', content, reasoning_content: reasoning }, finish_reason: 'stop' }] }))
  }

  /** Ends the response without ending the answer. */
  endUnfinished (): void {
    this.#response.end()
  }

  /** Breaks the connection. */
  cut (): void {
    this.#response.destroy()
  }

  /** Refuses, with an error body such as OpenAI's. */
  refuse (status: number, message: string, headers: Record<string, string> = {}): void {
    this.#response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify({ error: { message, type: 'test', code: 'test' } }))
  }

  #finish (reason: string, usage?: ModelUsage): void {
    this.#chunk({}, reason, usage)
    this.#response.end('data: [DONE]\n\n')
  }

  #chunk (delta: object, reason: string | null, usage?: ModelUsage): void {
    if (!this.#response.headersSent) this.#response.writeHead(200, { 'content-type': 'text/event-stream' })
    this.#response.write(`data: ${JSON.stringify({ id: 'c1', object: 'chat.completion.chunk', created: 1, model: this.body.model, choices: [{ index: 0, delta, finish_reason: reason }], usage })}\n\n`)
  }
}

/** An OpenAI-compatible model on loopback that does what the test says, call by call. */
export async function modelServer (t: Test): Promise<{ url: string, next: () => Promise<ModelCall>, calls: ModelCall[] }> {
  const calls: ModelCall[] = []
  const arrived: Array<(call: ModelCall) => void> = []
  const waiting: ModelCall[] = []
  let toolCalls = 0
  const server = createServer(async (request, response) => {
    request.setEncoding('utf8')
    let body = ''
    for await (const piece of request) body += piece
    const call = new ModelCall(request.url ?? '', request.headers, body, response, () => `call_${++toolCalls}`)
    calls.push(call)
    const give = arrived.shift()
    if (give) give(call)
    else waiting.push(call)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const next = async () => {
    const call = waiting.shift()
    return call ?? await new Promise<ModelCall>(resolve => arrived.push(resolve))
  }
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, next, calls }
}
