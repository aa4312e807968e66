import { Readable } from 'node:stream'
import { type Answer, type BodyAnswer, type Ending, type Fallback, type PartsAnswer, START } from '../answer/answer.ts'
import { GatewayError, type ReportedError } from '../errors.ts'
import { isNoEndpoint } from './endpoint.ts'
import { isWhole, toEnding } from './ending.ts'
import { EventReply } from './event-reply.ts'
import { fromReply, isFailure } from './failures.ts'
import type { CopilotPrompt } from './prompt.ts'
import { beginningOf, discard, guard, readObject, refuseOthers } from './reading.ts'
import type { Reply } from './reply.ts'
import { type Call, Upstream, type UpstreamHealth, type UpstreamOptions } from './upstream.ts'

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

/** What a form of reply says of its answer. */
type Told = Pick<BodyAnswer, 'body' | 'ending'> | Pick<PartsAnswer, 'parts' | 'ending'>

/** What is taken for a stream, and for a buffered reply. */
const STREAMS = ['text/plain', 'text/event-stream'] as const
const JSONS = ['application/json', 'text/json', 'text/plain'] as const

/** Asks one Copilot service: by stream when it can, buffered when it cannot. */
export class CopilotClient {
  readonly #upstream: Upstream
  readonly #streamRetry: number
  readonly #firstByteTimeout: number
  /** `performance.now()` at which streaming is worth a try again. */
  #streamAgainAt = 0

  constructor (options: CopilotClientOptions) {
    this.#upstream = new Upstream(options)
    this.#streamRetry = options.streamRetry
    this.#firstByteTimeout = options.firstByteTimeout
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
  async answer (prompt: CopilotPrompt, call: Call): Promise<Answer> {
    const head = { ...(prompt.model !== undefined && { model: prompt.model }), service: this.#upstream.url, offset: START }
    const streamed = performance.now() < this.#streamAgainAt ? 'remembered' : await this.#stream(prompt, call)
    if (typeof streamed !== 'string') return { ...head, ...streamed, delivery: 'stream' }

    const buffered = await this.#buffered(prompt, call)
    // Only an answer on the other way shows that there is none on the first, and not something wrong with this one question.
    if (streamed === 'not_supported') this.#streamAgainAt = performance.now() + this.#streamRetry
    return { ...head, ...buffered, delivery: 'buffered', fallback: streamed }
  }

  /** Lists the models that the service offers; none when it does not know the question. Rejects as {@link answer} does. */
  async models (call: Call): Promise<Model[]> {
    const reply = await this.#ask('GET', '/models', call)
    if (reply.status === 404) {
      discard(reply.body)
      return []
    }
    const { models } = await this.#json(reply)
    if (!Array.isArray(models)) throw new GatewayError('bad_reply', { detail: 'no list of models in it' })
    return models.map(toModel)
  }

  /** Has the service asked with another token from the next request on; empty: with none. */
  renewToken (token: string): void {
    this.#upstream.renewToken(token)
  }

  /** Closes every connection to the service at once. */
  async close (): Promise<void> {
    await this.#upstream.close()
  }

  /** A streamed answer in the form that the service has chosen, or why it has to be asked for again, buffered. */
  async #stream (prompt: CopilotPrompt, call: Call): Promise<Told | Exclude<Fallback, 'remembered'>> {
    const path = '/chat/stream'
    const deadline = performance.now() + this.#firstByteTimeout
    const reply = await this.#upstream.send({ method: 'POST', path, accept: 'text/event-stream, text/plain;q=0.9', json: prompt, guard: guard(STREAMS) }, call)
    if (isFailure(reply.status)) {
      const text = await beginningOf(reply)
      if (text !== undefined && isNoEndpoint(reply.status, text, path)) return 'not_supported'
      throw this.#failure(reply, text)
    }
    const type = refuseOthers(reply, STREAMS)
    if (reply.empty) return 'empty'
    return type === 'text/event-stream' ? await this.#events(reply.body, call, deadline) : { body: reply.body, ending: bareEnding }
  }

  /** An answer told in events: it has begun with its first part, until when comments do not count. `deadline` is a `performance.now()`. */
  async #events (body: Readable, call: Call, deadline: number): Promise<Told | 'empty'> {
    const parts = new EventReply(body, this.#upstream.secrets)
    const late = setTimeout(() => body.destroy(new GatewayError('timeout')), Math.max(0, deadline - performance.now()))
    try {
      const begun = await parts.begun.finally(() => clearTimeout(late))
      return begun ? { parts, ending: () => parts.ending } : 'empty'
    } catch (error) {
      if (call.signal.aborted) throw call.signal.reason
      // No part in time is no answer in time, whatever silence it was that ended the waiting.
      throw body.errored === error && isSilence(error) ? new GatewayError('timeout', { cause: error }) : error
    }
  }

  async #buffered (prompt: CopilotPrompt, call: Call): Promise<Told> {
    const { output, finishReason, usage, model } = await this.#json(await this.#ask('POST', '/chat', call, prompt))
    if (typeof output !== 'string') throw new GatewayError('bad_reply', { detail: 'no output in it' })
    if (!output.isWellFormed()) throw new GatewayError('bad_reply', { detail: 'its text has half of a character in it' })
    const ending = toEnding({ finishReason, usage, model })
    if (output === '' && isWhole(ending)) throw new GatewayError('stream_empty')
    return { body: Readable.from(output === '' ? [] : [Buffer.from(output)]), ending: () => ending }
  }

  async #ask (method: 'GET' | 'POST', path: string, call: Call, json?: unknown): Promise<Reply> {
    return await this.#upstream.send({ method, path, accept: 'application/json', json, guard: guard(JSONS) }, call)
  }

  async #json (reply: Reply): Promise<Record<string, unknown>> {
    if (isFailure(reply.status)) throw this.#failure(reply, await beginningOf(reply))
    refuseOthers(reply, JSONS)
    return await readObject(reply)
  }

  #failure ({ status, headers }: Reply, text = ''): GatewayError | ReportedError {
    return fromReply({ status, headers, text }, this.#upstream.secrets, this.#upstream.url)
  }
}

function isSilence (error: unknown): boolean {
  return error instanceof GatewayError && error.errorType === 'idle_timeout'
}

/** Bare text says nothing of its end. */
function bareEnding (): Ending {
  return { finishReason: null }
}

function toModel (model: unknown): Model {
  if (typeof model !== 'object' || model === null || !('id' in model) || typeof model.id !== 'string') {
    throw new GatewayError('bad_reply', { detail: 'a model without an id' })
  }
  return { id: model.id, ...('name' in model && typeof model.name === 'string' && { name: model.name }) }
}
