import { Readable } from 'node:stream'
import { type BodyAnswer, type Ending, type Fallback, START } from '../answer/answer.ts'
import { GatewayError, type ReportedError } from '../errors.ts'
import { fromReply, fromTransport } from './failures.ts'
import type { CopilotPrompt } from './prompt.ts'
import { type Call, type Reply, Upstream, type UpstreamHealth, type UpstreamOptions } from './upstream.ts'

/** A model that the Copilot service offers. */
export interface Model {
  readonly id: string
  readonly name?: string
}

/** How a client is set up. Durations in milliseconds. */
export interface CopilotClientOptions extends UpstreamOptions {
  /** How long a service that said it cannot stream is asked for buffered answers only. */
  readonly streamRetry: number
}

/** How much of an error reply is read, in bytes. */
const MAX_ERROR_BYTES = 64 * 1024
/** How large a buffered reply may be, in bytes. */
const MAX_REPLY_BYTES = 16 * 1024 * 1024
/** The statuses by which a service says that it has no `/chat/stream`. */
const CANNOT_STREAM = new Set([404, 405, 501])

/** Asks one Copilot service: by stream when it can, buffered when it cannot. */
export class CopilotClient {
  readonly #upstream: Upstream
  readonly #streamRetry: number
  readonly #secrets: readonly string[]
  /** `performance.now()` at which streaming is worth a try again. */
  #streamAgainAt = 0

  constructor (options: CopilotClientOptions) {
    this.#upstream = new Upstream(options)
    this.#streamRetry = options.streamRetry
    this.#secrets = [options.token]
  }

  /** What is known of the service from the calls so far. */
  get health (): UpstreamHealth { return this.#upstream.health }

  /** The sockets to the service, by what they do. */
  get sockets (): Upstream['sockets'] { return this.#upstream.sockets }

  /**
   * Asks for an answer and resolves when its first byte is there. `call.signal` aborts the service's work in every phase.
   * Rejects with a {@link GatewayError} or a {@link ReportedError} that says what to tell the client, or with the reason
   * of `call.signal`.
   */
  async answer (prompt: CopilotPrompt, call: Call): Promise<BodyAnswer> {
    const streamed = performance.now() < this.#streamAgainAt ? 'remembered' : await this.#stream(prompt, call)
    const told = { ...(prompt.model !== undefined && { model: prompt.model }), offset: START, ending }
    return typeof streamed === 'string'
      ? { ...told, delivery: 'buffered', fallback: streamed, body: await this.#buffered(prompt, call) }
      : { ...told, delivery: 'stream', body: streamed }
  }

  /** Lists the models that the service offers; none when it does not know the question. Rejects as {@link answer} does. */
  async models (call: Call): Promise<Model[]> {
    const reply = await this.#upstream.send('GET', '/models', call, 'application/json')
    if (reply.status === 404) {
      discard(reply)
      return []
    }
    const { models } = await this.#json(reply)
    if (!Array.isArray(models)) throw new GatewayError('bad_reply', { detail: 'no list of models in it' })
    return models.map(toModel)
  }

  /** Closes every connection to the service at once. */
  async close (): Promise<void> {
    await this.#upstream.close()
  }

  /** The body of a streamed answer, or why the answer has to be asked for again, buffered. */
  async #stream (prompt: CopilotPrompt, call: Call): Promise<Readable | Fallback> {
    const reply = await this.#upstream.send('POST', '/chat/stream', call, 'text/plain', prompt)
    if (CANNOT_STREAM.has(reply.status)) {
      discard(reply)
      this.#streamAgainAt = performance.now() + this.#streamRetry
      return 'not_supported'
    }
    if (!isSuccess(reply)) throw await this.#failure(reply)
    if (reply.empty) return 'empty'
    if (!isPlainText(reply)) {
      discard(reply)
      throw new GatewayError('bad_reply', { detail: 'its stream is not plain text' })
    }
    return reply.body
  }

  async #buffered (prompt: CopilotPrompt, call: Call): Promise<Readable> {
    const reply = await this.#upstream.send('POST', '/chat', call, 'application/json', prompt)
    const { output } = await this.#json(reply)
    if (typeof output !== 'string') throw new GatewayError('bad_reply', { detail: 'no output in it' })
    if (output === '') throw new GatewayError('stream_empty')
    return Readable.from([Buffer.from(output)])
  }

  async #json (reply: Reply): Promise<Record<string, unknown>> {
    if (!isSuccess(reply)) throw await this.#failure(reply)
    const { text, whole } = await read(reply, MAX_REPLY_BYTES)
    if (!whole) throw new GatewayError('bad_reply', { detail: `larger than ${MAX_REPLY_BYTES} bytes` })
    try {
      const json: unknown = JSON.parse(text)
      if (typeof json === 'object' && json !== null) return { ...json }
    } catch {
      throw new GatewayError('bad_reply', { detail: 'not JSON' })
    }
    throw new GatewayError('bad_reply', { detail: 'not a JSON object' })
  }

  async #failure (reply: Reply): Promise<GatewayError | ReportedError> {
    // Cut in the middle, the reply still says by its status that and how the service failed.
    const { text } = await read(reply, MAX_ERROR_BYTES).catch(() => ({ text: '' }))
    return fromReply({ status: reply.status, headers: reply.headers, text }, this.#secrets)
  }
}

/** Bare text says nothing of its end. */
function ending (): Ending {
  return { finishReason: null }
}

function isSuccess ({ status }: Reply): boolean {
  return status >= 200 && status < 300
}

/** A page of a proxy, or compressed bytes that nobody asked for, must not be passed on as an answer. */
function isPlainText ({ headers }: Reply): boolean {
  return !/^(text\/html|application\/json)\b/i.test(String(headers['content-type'] ?? '')) && (headers['content-encoding'] ?? 'identity') === 'identity'
}

/** Lets go of a body that nobody wants, so that its socket serves the next call. */
function discard ({ body }: Reply): void {
  void body.dump({ limit: MAX_ERROR_BYTES })
}

/** Reads a body as UTF-8 up to `limit` bytes and destroys what is left. Rejects as the body fails. */
async function read ({ body }: Reply, limit: number): Promise<{ text: string, whole: boolean }> {
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of body) {
      chunks.push(chunk)
      size += chunk.length
      if (size > limit) break
    }
  } catch (error) {
    throw fromTransport(error)
  }
  return { text: Buffer.concat(chunks).subarray(0, limit).toString(), whole: size <= limit }
}

function toModel (model: unknown): Model {
  if (typeof model !== 'object' || model === null || !('id' in model) || typeof model.id !== 'string') {
    throw new GatewayError('bad_reply', { detail: 'a model without an id' })
  }
  return { id: model.id, ...('name' in model && typeof model.name === 'string' && { name: model.name }) }
}
