import { setTimeout as sleep } from 'node:timers/promises'
import type { Dispatcher } from 'undici'
import { GatewayError } from '../errors.ts'
import { type Connections, connect, type ProxyOptions } from './dispatcher.ts'
import { fromTransport, isUnsent } from './failures.ts'
import { Attempt, type Guard, type Reply } from './reply.ts'
import type { Call, UpstreamHealth } from './upstream.ts'

/** How a Copilot service is reached. Durations are in milliseconds. */
export interface TransportOptions {
  /** The base URL, `http:` or `https:`. Its path is put before all paths; its user name and password are sent as Basic authentication (RFC 7617). */
  readonly url: string
  /** The token that is sent as `Authorization: Bearer`; empty: none is sent. */
  readonly token: string
  readonly proxy: ProxyOptions
  readonly connectTimeout: number
  /** The time from the request to the first byte of the reply's body, connecting included. */
  readonly firstByteTimeout: number
  /** The longest silence between two chunks, and between the headers and the first chunk. The timer stops while backpressure pauses the body. */
  readonly idleTimeout: number
  /** Whether a request that cannot have reached the service is sent once more. False where another service can be asked instead. */
  readonly retryUnsent: boolean
}

/** One request to the service. */
export interface Question {
  readonly method: 'GET' | 'POST'
  /** The path, relative to the service's base URL. */
  readonly path: string
  readonly accept: string
  /** The body, which is sent as JSON; undefined: none is sent. */
  readonly json?: unknown
  /** Chooses how the bytes of the reply are checked. */
  readonly guard: Guard
}

/** How long to wait before a request that could not be sent is tried again. It is short because a service that restarts is back soon. */
const RETRY_DELAY_MS = 100

/** Sends requests to one Copilot service and owns the connections to it. */
export class Transport {
  /** The configured URL without credentials. */
  readonly url: string
  #secrets: readonly string[]
  readonly #connections: Connections
  readonly #origin: string
  readonly #prefix: string
  #authorization: string
  readonly #firstByteTimeout: number
  readonly #retryUnsent: boolean
  #health: UpstreamHealth = { state: 'unknown' }

  /** Throws a `TypeError` or a `URIError` for an invalid URL of the service or of a proxy. */
  constructor ({ url: base, token, proxy, connectTimeout, firstByteTimeout, idleTimeout, retryUnsent }: TransportOptions) {
    const url = new URL(base)
    const credentials = [url.username, url.password].map(decodeURIComponent).join(':')
    const basic = credentials === ':' ? '' : Buffer.from(credentials).toString('base64')
    this.#secrets = [token, decodeURIComponent(url.password), url.password, credentials, basic]
    this.#authorization = token ? `Bearer ${token}` : basic && `Basic ${basic}`
    this.#origin = url.origin
    this.#prefix = url.pathname.replace(/\/+$/, '')
    this.url = this.#origin + this.#prefix
    this.#firstByteTimeout = firstByteTimeout
    this.#retryUnsent = retryUnsent
    this.#connections = connect(url, connectTimeout, idleTimeout, proxy)
  }

  /** The credentials, as they are configured and as they are sent. They must never be shown. */
  get secrets (): readonly string[] { return this.#secrets }

  /** The health of the service, as the calls so far have shown it. Reading it makes no call. */
  get health (): UpstreamHealth { return this.#health }

  /** The number of sockets to the service, by state. */
  get sockets (): Connections['sockets'] { return this.#connections.sockets }

  /**
   * Sends one request and resolves, whatever the status is, when the first byte or the end of the reply's body has arrived. The body
   * must be read or destroyed. Rejects with a {@link GatewayError} (`connection`, `timeout`, `bad_reply`) that names the service as
   * its source, or with the reason of `call.signal`. An abort of `call.signal` after that destroys the body.
   */
  async send (question: Question, call: Call): Promise<Reply> {
    call.signal.throwIfAborted()
    const abort = new AbortController()
    const leave = () => abort.abort(call.signal.reason)
    const unlink = () => call.signal.removeEventListener('abort', leave)
    call.signal.addEventListener('abort', leave, { once: true })
    const deadline = setTimeout(() => abort.abort(new GatewayError('timeout')), this.#firstByteTimeout)

    const options = this.#dispatchOptions(question, call)
    let attempt = this.#attempt(options, question.guard, abort.signal)

    try {
      const reply = await attempt.reply.catch(async error => {
        if (!this.#retryUnsent || abort.signal.aborted || !isUnsent(error instanceof Error && error.cause)) throw error
        await sleep(RETRY_DELAY_MS, undefined, { signal: abort.signal }).catch(() => { throw abort.signal.reason })
        attempt = this.#attempt(options, question.guard, abort.signal)
        return await attempt.reply
      }).finally(() => clearTimeout(deadline))
      reply.body.once('close', unlink)
      this.#note('up')
      return reply
    } catch (error) {
      unlink()
      if (call.signal.aborted) throw call.signal.reason
      const broken = fromTransport(error)
      // undici reports a silence between the headers and the first byte as one in the middle of the answer.
      const failure = broken.errorType === 'idle_timeout' ? new GatewayError('timeout', { cause: error }) : broken
      // `overloaded` means here that this machine has run out of something, for which the service is not to blame.
      failure.source = { url: this.url, unprocessed: !attempt.written, failing: failure.errorType !== 'overloaded' }
      this.#note('down', failure.errorType)
      throw failure
    }
  }

  /** Replaces the token, from the next request on; empty: none is sent. The former token stays a secret, since the service may still repeat it. */
  renewToken (token: string): void {
    this.#secrets = [...this.#secrets, token]
    this.#authorization = token && `Bearer ${token}`
  }

  /** Closes every connection at once. Calls under way reject. */
  async close (): Promise<void> {
    await this.#connections.dispatcher.destroy()
  }

  #dispatchOptions ({ method, path, accept, json }: Question, { headers }: Call): Dispatcher.DispatchOptions {
    return {
      origin: this.#origin,
      path: this.#prefix + path,
      method,
      headers: {
        ...headers,
        accept,
        ...(json !== undefined && { 'content-type': 'application/json' }),
        ...(this.#authorization && { authorization: this.#authorization })
      },
      body: json === undefined ? null : JSON.stringify(json)
    }
  }

  #attempt (options: Dispatcher.DispatchOptions, guard: Guard, signal: AbortSignal): Attempt {
    const attempt = new Attempt(guard)
    signal.addEventListener('abort', () => attempt.abort(signal.reason), { once: true })
    this.#connections.dispatcher.dispatch(options, attempt)
    return attempt
  }

  #note (state: 'up' | 'down', errorType?: string): void {
    if (this.#health.state === state && this.#health.errorType === errorType) return
    this.#health = { state, since: new Date().toISOString(), ...(errorType && { errorType }) }
  }
}
