import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import type { Answer, AnswerStatus, ChatError } from '../../client/index.ts'
import * as frames from '../../lib/sse/frames.ts'

/** The pieces of an answer, to its end. */
export async function pieces (answer: Answer): Promise<string[]> {
  const all: string[] = []
  for await (const piece of answer) all.push(piece)
  return all
}

/** Why an answer is not whole. */
export async function failure (answer: Answer): Promise<ChatError> {
  await answer.text.catch(() => {})
  if (!answer.error) throw new Error(`the answer is ${answer.status}`)
  return answer.error
}

/** Remembers statuses, and resolves when one of them comes. */
export class Statuses {
  readonly all: AnswerStatus[] = []
  readonly #waiting: Array<{ status: AnswerStatus, resolve: (answer: Answer) => void }> = []

  readonly onStatus = (status: AnswerStatus, answer: Answer): void => {
    this.all.push(status)
    for (const waiting of this.#waiting) if (waiting.status === status) waiting.resolve(answer)
  }

  /** Resolves when the answer has this status from now on. */
  async next (status: AnswerStatus): Promise<Answer> {
    return await new Promise(resolve => this.#waiting.push({ status, resolve }))
  }
}

/** A server that answers its requests one after the other as a test says, whatever they are, for replies that a gateway would not send. */
export async function scripted (t: Test, ...replies: Array<(reply: ServerResponse, request: IncomingMessage) => unknown>): Promise<{ url: string, port: number, requests: IncomingMessage[] }> {
  const requests: IncomingMessage[] = []
  const server = createServer((request, reply) => {
    request.resume()
    requests.push(request)
    const script = replies[requests.length - 1]
    if (script) script(reply, request)
    else reply.destroy()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  // A listening TCP server has an address with a port.
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, port, requests }
}

/** Begins a reply of events; with `streamId`, that of a resumable answer. */
export function begin (reply: ServerResponse, streamId?: string): ServerResponse {
  reply.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'x-request-id': 'r', ...(streamId && { 'x-stream-id': streamId }) })
  reply.write(frames.start({ requestId: 'r', delivery: 'stream', ...(streamId && { streamId }) }))
  return reply
}

/** What the tests do not want to wait for. */
export const quick = { delay: 1, maxDelay: 5 }
