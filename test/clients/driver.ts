import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { ChatOpenAI } from '@langchain/openai'
import { DefaultChatTransport, generateText, readUIMessageStream, streamText, type UIMessage } from 'ai'
import OpenAI from 'openai'

/** What a client is to ask. */
export interface Ask {
  /** The address of the gateway. */
  readonly base: string
  readonly key: string
  readonly messages: ReadonlyArray<{ readonly role: 'system' | 'user' | 'assistant', readonly content: string }>
  /** For one reply and not a stream. */
  readonly whole?: boolean | undefined
  /** Stops at the first text. */
  readonly stop?: boolean | undefined
  readonly idempotencyKey?: string | undefined
}

/** What whoever uses the client gets to know. */
export interface Outcome {
  readonly text: string
  /** How it ended by the client's words; undefined when it does not say. */
  readonly finish?: string | undefined
  /** What the model thought, and how many tokens went in and came out, where the client tells it. */
  readonly thought?: string
  readonly cost?: string
  /** What was thrown, and its status, if it has one. */
  readonly error?: string | undefined
  readonly status?: number | undefined
}

const costOf = (input: number | undefined, output: number | undefined): { cost?: string } => input === undefined ? {} : { cost: `${input} in, ${output} out` }
const fieldOf = (value: object, name: string): string => String(Reflect.get(value, name) ?? '')

/** Told of each text as it comes. */
type Listener = (text: string) => void
type Drive = (ask: Ask, onText: Listener, signal: AbortSignal) => Promise<Partial<Outcome>>

const MODEL = 'gpt-5'
const headersOf = ({ idempotencyKey }: Ask): Record<string, string> => idempotencyKey === undefined ? {} : { 'Idempotency-Key': idempotencyKey }

async function openai (ask: Ask, onText: Listener, signal: AbortSignal) {
  const client = new OpenAI({ baseURL: `${ask.base}/v1`, apiKey: ask.key })
  const question = { model: MODEL, messages: [...ask.messages] }
  const options = { signal, headers: headersOf(ask) }
  if (ask.whole) {
    const { choices: [choice] } = await client.chat.completions.create(question, options)
    onText(choice?.message.content ?? '')
    return { finish: choice?.finish_reason }
  }
  let finish: string | undefined
  let thought = ''
  let cost = {}
  for await (const { choices: [choice], usage } of await client.chat.completions.create({ ...question, stream: true, stream_options: { include_usage: true } }, options)) {
    if (choice?.delta.content) onText(choice.delta.content)
    if (choice) thought += fieldOf(choice.delta, 'reasoning_content')
    finish ??= choice?.finish_reason ?? undefined
    cost = costOf(usage?.prompt_tokens, usage?.completion_tokens)
  }
  return { finish, thought, ...cost }
}

async function langchain (ask: Ask, onText: Listener, signal: AbortSignal) {
  const model = new ChatOpenAI({ model: MODEL, apiKey: ask.key, maxRetries: 0, configuration: { baseURL: `${ask.base}/v1`, defaultHeaders: headersOf(ask) } })
  const messages = ask.messages.map(({ role, content }): [string, string] => [role, content])
  if (ask.whole) {
    const { content, response_metadata: { finish_reason: finish } } = await model.invoke(messages, { signal })
    onText(String(content))
    return { finish: String(finish) }
  }
  let finish: string | undefined
  let thought = ''
  let cost = {}
  for await (const { content, additional_kwargs: more, response_metadata: { finish_reason: reason }, usage_metadata: usage } of await model.stream(messages, { signal })) {
    if (content) onText(String(content))
    thought += fieldOf(more, 'reasoning_content')
    if (reason) finish = String(reason)
    if (usage) cost = costOf(usage.input_tokens, usage.output_tokens)
  }
  return { finish, thought, ...cost }
}

async function provider (ask: Ask, onText: Listener, signal: AbortSignal) {
  const model = createOpenAICompatible({ name: 'gateway', baseURL: `${ask.base}/v1`, apiKey: ask.key, includeUsage: true })(MODEL)
  const system = ask.messages.flatMap(({ role, content }) => role === 'system' ? content : []).join('\n')
  const messages = ask.messages.flatMap(({ role, content }) => role === 'system' ? [] : { role, content })
  const question = { model, messages, ...(system && { system }), abortSignal: signal, headers: headersOf(ask), maxRetries: 0 }
  if (ask.whole) {
    const { text, finishReason } = await generateText(question)
    onText(text)
    return { finish: finishReason }
  }
  let finish: string | undefined
  let thought = ''
  let cost = {}
  // What is thrown is what somebody sees who reads the parts of the stream.
  for await (const part of streamText({ ...question, onError: () => {} }).fullStream) {
    if (part.type === 'text-delta') onText(part.text)
    else if (part.type === 'reasoning-delta') thought += part.text
    else if (part.type === 'finish') {
      finish = part.finishReason
      cost = costOf(part.totalUsage.inputTokens, part.totalUsage.outputTokens)
    } else if (part.type === 'abort') finish = 'stopped'
    else if (part.type === 'error') throw part.error
  }
  return { finish, thought, ...cost }
}

/** What `useChat` reads by, without a page. */
async function transport ({ base, messages }: Ask, onText: Listener, signal: AbortSignal) {
  const stream = await new DefaultChatTransport({ api: `${base}/api/chat` }).sendMessages({
    chatId: 'a-chat',
    messages: messages.map(({ role, content }, index) => ({ id: String(index), role, parts: [{ type: 'text', text: content }] })),
    trigger: 'submit-message',
    messageId: undefined,
    abortSignal: signal
  })
  let last: UIMessage<{ usage?: { inputTokens: number, outputTokens: number } }> | undefined
  for await (const message of readUIMessageStream<NonNullable<typeof last>>({ stream, terminateOnError: true })) last = message
  const said = (type: 'text' | 'reasoning'): string => last?.parts.map(part => part.type === type ? part.text : '').join('') ?? ''
  onText(said('text'))
  return { finish: 'stop', thought: said('reasoning'), ...costOf(last?.metadata?.usage?.inputTokens, last?.metadata?.usage?.outputTokens) }
}

/** How each client is used, by the name of its package. */
const DRIVES: Readonly<Record<string, Drive>> = { openai, '@langchain/openai': langchain, '@ai-sdk/openai-compatible': provider, '@ai-sdk/react': transport }

/** Has a client ask. Never rejects. */
export async function drive (client: string, ask: Ask, onText: Listener = () => {}): Promise<Outcome> {
  const leaving = new AbortController()
  let text = ''
  const listen = (more: string): void => {
    text += more
    onText(more)
    if (ask.stop) leaving.abort()
  }
  try {
    const run = DRIVES[client]
    if (!run) throw new Error(`nobody knows how to use ${client}`)
    const told = await run(ask, listen, leaving.signal)
    return { text, ...told }
  } catch (error) {
    return { text, error: String(error), status: statusOf(error) }
  }
}

function statusOf (error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  const status: unknown = 'status' in error ? error.status : 'statusCode' in error ? error.statusCode : undefined
  return typeof status === 'number' ? status : undefined
}

// As a process of its own, on another Node and with other versions: `[number, client, ask]` comes in, `[number, text]` and `[number, outcome]` go out.
if (process.send && process.argv[2] === 'drive') {
  const send = process.send.bind(process)
  process.on('message', ([number, client, ask]: [number, string, Ask]) => {
    void drive(client, ask, text => send([number, text])).then(outcome => send([number, outcome]))
  })
}
