import { setTimeout as sleep } from 'node:timers/promises'
import type { Dispatcher } from 'undici'
import { GatewayError } from '../errors.ts'
import { type Connections, connect, type ProxyOptions } from './dispatcher.ts'
import { fromTransport, isUnsent } from './failures.ts'
import { Attempt, type Guard, type Reply } from './reply.ts'
import type { Call, UpstreamHealth } from './upstream.ts'

/** Where a Copilot service is and how long to wait for it. Durations in milliseconds. */
export interface TransportOptions {
  /** Base URL, `http:` or `https:`; a path in it is kept as a prefix, a name and a password are sent as Basic authentication (RFC 7617). */
  readonly url: string
  /** Sent as `Authorization: Bearer`; empty: none is sent. */
  readonly token: string
  readonly proxy: ProxyOptions
  readonly connectTimeout: number
  /** From the request to the first byte of the reply's body, connecting included. */
  readonly firstByteTimeout: number
  /** The longest silence between two chunks, and between the headers and the first; it rests while the reader holds the body back. */
  readonly idleTimeout: number
  /** A request that cannot have reached the service is sent once more; to be left out where there is another service to ask instead. */
  readonly retryUnsent: boolean
}

/** One request to the service. */
export interface Question {
  readonly method: 'GET' | 'POST'
  /** Below the service's URL. */
  readonly path: string
  readonly accept: string
  /** Sent as the body, when there is one. */
  readonly json?: unknown
  /** Looks at the bytes of the reply, by its status and headers. */
  readonly guard: Guard
}

/** How long to wait before a request that could not be sent is tried once more: a service that restarts is back soon. */
const RETRY_DELAY_MS = 100

/** The requests to one Copilot service, and the connections that they go by. */
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

  /** Throws a `TypeError` or a `URIError` when a URL, or what is in it, is none. */
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

  /** What must be shown to nobody: credentials as they are configured, and as they are sent. */
  get secrets (): readonly string[] { return this.#secrets }

  /** What is known of the service from the calls so far; no call is made to find out. */
  get health (): UpstreamHealth { return this.#health }

  /** The sockets to the service, by what they do. */
  get sockets (): Connections['sockets'] { return this.#connections.sockets }

  /**
   * Sends one request and resolves when the first byte of the reply's body is there, or its end; whatever the status.
   * The body must be read or destroyed. Rejects with a {@link GatewayError} (`connection`, `timeout`, `bad_reply`) that names the
   * service as its source, or with the reason of `call.signal`. An abort
   * after that, until the body is closed, destroys the body.
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
      // Between the headers and the first byte undici counts the silence as one in the middle of the answer.
      const failure = broken.errorType === 'idle_timeout' ? new GatewayError('timeout', { cause: error }) : broken
      // What this machine has run out of is no failure of the service.
      failure.source = { url: this.url, unprocessed: !attempt.written, failing: failure.errorType !== 'overloaded' }
      this.#note('down', failure.errorType)
      throw failure
    }
  }

  /** Sends another token from the next request on; empty: none. The former one stays secret, since the service may still repeat it. */
  renewToken (token: string): void {
    this.#secrets = [...this.#secrets, token]
    this.#authorization = token && `Bearer ${token}`
  }

  /** Closes every connection at once; calls under way reject. */
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
