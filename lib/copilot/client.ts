import { Readable } from 'node:stream'
import { type Answer, type BodyAnswer, type Ending, type Fallback, type PartsAnswer, START, streamOf } from '../answer/answer.ts'
import { GatewayError, type ReportedError } from '../errors.ts'
import { isNoEndpoint } from './endpoint.ts'
import { isWhole, toEnding } from './ending.ts'
import { EventReply } from './event-reply.ts'
import { blame, fromReply, isFailure, processed } from './failures.ts'
import type { CopilotPrompt } from './prompt.ts'
import { beginningOf, discard, guard, readObject, refuseOthers, type Wait } from './reading.ts'
import type { Reply } from './reply.ts'
import { Transport, type TransportOptions } from './transport.ts'
import type { Call, Model, ServiceStatus, Sockets, Upstream, UpstreamHealth } from './upstream.ts'

/** The options of a {@link CopilotClient}. Durations are in milliseconds. */
export interface CopilotClientOptions extends TransportOptions {
  /** How long only buffered answers are requested from a service that said that it cannot stream. */
  readonly streamRetry: number
}

/** The part of an answer that depends on the format of the reply. */
type Told = (Pick<BodyAnswer, 'body' | 'ending'> | Pick<PartsAnswer, 'parts' | 'ending'>) & Pick<Answer, 'honoured'>

/** The media types that are accepted for streams, and for buffered replies. */
const STREAMS = ['text/plain', 'text/event-stream'] as const
const JSONS = ['application/json', 'text/json', 'text/plain'] as const

/** Asks one Copilot service for answers: as a stream if the service can, buffered otherwise. */
export class CopilotClient implements Upstream {
  readonly #transport: Transport
  readonly #streamRetry: number
  readonly #firstByteTimeout: number
  /** When a stream is asked for again: a reading of `performance.now()`. */
  #streamAgainAt = 0
  #inFlight = 0

  constructor (options: CopilotClientOptions) {
    this.#transport = new Transport(options)
    this.#streamRetry = options.streamRetry
    this.#firstByteTimeout = options.firstByteTimeout
  }

  get health (): UpstreamHealth { return this.#transport.health }

  get services (): readonly [ServiceStatus] { return [this.status] }

  /** The health of the service, and how many answers it is giving. */
  get status (): ServiceStatus { return { url: this.#transport.url, ...this.health, inFlight: this.#inFlight, sockets: this.sockets } }

  /** How many answers are in flight, including those that have not begun. */
  get inFlight (): number { return this.#inFlight }

  get sockets (): Sockets { return this.#transport.sockets }

  async answer (prompt: CopilotPrompt, call: Call): Promise<Answer> {
    this.#inFlight++
    try {
      const answer = await this.#answer(prompt, call)
      streamOf(answer).once('close', () => { this.#inFlight-- })
      return answer
    } catch (error) {
      this.#inFlight--
      throw call.signal.aborted ? error : blame(error, this.#transport.url)
    }
  }

  async models (call: Call): Promise<Model[]> {
    try {
      return await this.#models(call)
    } catch (error) {
      throw call.signal.aborted ? error : blame(error, this.#transport.url)
    }
  }

  renewToken (token: string): void {
    this.#transport.renewToken(token)
  }

  async close (): Promise<void> {
    await this.#transport.close()
  }

  async #answer (prompt: CopilotPrompt, call: Call): Promise<Answer> {
    const head = { ...(prompt.model !== undefined && { model: prompt.model }), service: this.#transport.url, offset: START }
    const streamed = performance.now() < this.#streamAgainAt ? 'remembered' : await this.#stream(prompt, call)
    if (typeof streamed !== 'string') return { ...head, ...streamed, delivery: 'stream' }

    const buffered = await this.#buffered(prompt, call).catch(error => {
      // The empty stream was an answer, so the question has been processed, whatever refuses it now.
      throw streamed === 'empty' ? processed(error) : error
    })
    // Only now, after a buffered answer, is it certain that the service cannot stream. Before, something could have been wrong with this one question.
    if (streamed === 'not_supported') this.#streamAgainAt = performance.now() + this.#streamRetry
    return { ...head, ...buffered, delivery: 'buffered', fallback: streamed }
  }

  async #models (call: Call): Promise<Model[]> {
    const wait = this.#waitFor(call)
    const reply = await this.#ask('GET', '/models', call)
    if (reply.status === 404) {
      discard(reply.body)
      return []
    }
    const { models } = await this.#json(reply, wait, call)
    if (!Array.isArray(models)) throw new GatewayError('bad_reply', { detail: 'no list of models in it' })
    return models.map(toModel)
  }

  /** Returns a streamed answer in the format that the service has chosen, or the reason to ask again for a buffered one. */
  async #stream (prompt: CopilotPrompt, call: Call): Promise<Told | Exclude<Fallback, 'remembered'>> {
    const path = '/chat/stream'
    const wait = this.#waitFor(call)
    const reply = await this.#transport.send({ method: 'POST', path, accept: 'text/event-stream, text/plain;q=0.9', json: prompt, guard: guard(STREAMS) }, call)
    if (isFailure(reply.status)) {
      const text = await beginningOf(reply, wait)
      if (text !== undefined && isNoEndpoint(reply.status, text, path)) return 'not_supported'
      throw this.#failure(reply, call, text)
    }
    const type = refuseOthers(reply, STREAMS)
    if (reply.empty) return 'empty'
    const told = type === 'text/event-stream' ? await this.#events(reply.body, wait, call) : { body: reply.body, ending: bareEnding }
    return { ...told, honoured: honouredIn(reply, prompt) }
  }

  /** Returns an answer that comes as events, as soon as its first part has arrived. Comments (heartbeats) do not extend the wait for it. */
  async #events (body: Readable, { deadline, signal }: Wait, call: Call): Promise<Told> {
    const parts = new EventReply(body, this.#secretsOf(call))
    const late = setTimeout(() => body.destroy(new GatewayError('timeout')), Math.max(0, deadline - performance.now()))
    try {
      await parts.begun.finally(() => clearTimeout(late))
      return { parts, ending: () => parts.ending }
    } catch (error) {
      signal.throwIfAborted()
      // Without a first part, the answer never began: that is `timeout`, even if the idle clock noticed it first.
      throw body.errored === error && isSilence(error) ? new GatewayError('timeout', { cause: error }) : error
    }
  }

  async #buffered (prompt: CopilotPrompt, call: Call): Promise<Told> {
    const wait = this.#waitFor(call)
    const reply = await this.#ask('POST', '/chat', call, prompt)
    const { output, ...end } = await this.#json(reply, wait, call)
    if (typeof output !== 'string') throw new GatewayError('bad_reply', { detail: 'no output in it' })
    if (!output.isWellFormed()) throw new GatewayError('bad_reply', { detail: 'its text has half of a character in it' })
    const ending = toEnding(end)
    if (output === '' && isWhole(ending)) throw new GatewayError('stream_empty', { ending })
    return { body: Readable.from(output === '' ? [] : [Buffer.from(output)]), ending: () => ending, honoured: honouredIn(reply, prompt) }
  }

  async #ask (method: 'GET' | 'POST', path: string, call: Call, json?: unknown): Promise<Reply> {
    return await this.#transport.send({ method, path, accept: 'application/json', json, guard: guard(JSONS) }, call)
  }

  async #json (reply: Reply, wait: Wait, call: Call): Promise<Record<string, unknown>> {
    if (isFailure(reply.status)) throw this.#failure(reply, call, await beginningOf(reply, wait))
    refuseOthers(reply, JSONS)
    return await readObject(reply, wait)
  }

  /** The time limit for a reply that is useless before it is complete. It is the same as for the first byte, since clients get nothing before. */
  #waitFor ({ signal }: Call): Wait {
    return { deadline: performance.now() + this.#firstByteTimeout, signal }
  }

  #failure ({ status, headers }: Reply, call: Call, text = ''): GatewayError | ReportedError {
    const { url } = this.#transport
    return blame(fromReply({ status, headers, text }, this.#secretsOf(call), url), url, status)
  }

  #secretsOf ({ secrets = [] }: Call): readonly string[] {
    return [...this.#transport.secrets, ...secrets]
  }
}

function isSilence (error: unknown): boolean {
  return error instanceof GatewayError && error.errorType === 'idle_timeout'
}

/** Which parameters of the tuning that was asked for the service says that it honours. */
function honouredIn ({ headers }: Reply, { tuning = {} }: CopilotPrompt): string[] {
  const named = String(headers['x-honoured-parameters']).split(',').map(name => name.trim())
  return Object.keys(tuning).filter(name => named.includes(name))
}

/** The ending of plain text, which reports no finish reason. */
function bareEnding (): Ending {
  return { finishReason: null }
}

function toModel (model: unknown): Model {
  if (typeof model !== 'object' || model === null || !('id' in model) || typeof model.id !== 'string') {
    throw new GatewayError('bad_reply', { detail: 'a model without an id' })
  }
  return { id: model.id, ...('name' in model && typeof model.name === 'string' && { name: model.name }) }
}
