import { setTimeout as sleep } from 'node:timers/promises'
import { type Dispatcher, Pool } from 'undici'
import { GatewayError } from '../errors.ts'
import { fromTransport, isUnsent } from './failures.ts'

/** Where a Copilot service is and how long to wait for it. Durations in milliseconds. */
export interface UpstreamOptions {
  /** Base URL, `http:` or `https:`; a path in it is kept as a prefix. */
  readonly url: string
  /** Sent as `Authorization: Bearer`; empty: none is sent. */
  readonly token: string
  readonly connectTimeout: number
  /** From the request to the first byte of the reply's body, connecting included. */
  readonly firstByteTimeout: number
  /** The longest silence between two chunks, and between the headers and the first; it rests while the reader holds the body back. */
  readonly idleTimeout: number
}

/** What belongs to one call and not to the upstream. */
export interface Call {
  /** Aborts the request in every phase; its reason is what the call rejects with. */
  readonly signal: AbortSignal
  /** Headers that go along, such as `x-request-id` and `traceparent`. */
  readonly headers: Readonly<Record<string, string>>
}

/** A reply whose body has shown its first byte, or its end. */
export interface Reply {
  readonly status: number
  readonly headers: Dispatcher.ResponseData['headers']
  readonly body: Dispatcher.ResponseData['body']
  /** The body ended without a byte. */
  readonly empty: boolean
}

/** What is known of the upstream from the calls so far. */
export interface UpstreamHealth {
  readonly state: 'unknown' | 'up' | 'down'
  /** When the state began, ISO 8601; absent while unknown. */
  readonly since?: string
  /** Why it is down: an errorType of the error contract. */
  readonly errorType?: string
}

/** How long to wait before a request that could not be sent is tried once more: a service that restarts is back soon. */
const RETRY_DELAY_MS = 100

/** One Copilot service and the connections to it. */
export class Upstream {
  readonly #pool: Pool
  readonly #prefix: string
  readonly #options: UpstreamOptions
  #health: UpstreamHealth = { state: 'unknown' }

  constructor (options: UpstreamOptions) {
    const url = new URL(options.url)
    this.#options = options
    this.#prefix = url.pathname.replace(/\/+$/, '')
    this.#pool = new Pool(url.origin, {
      // A limit would make calls wait in a queue that an abort does not reach; who may call is limited elsewhere.
      connections: null,
      pipelining: 1,
      connect: { timeout: options.connectTimeout },
      // The first byte has a timer of its own, finer than undici's.
      headersTimeout: 0,
      bodyTimeout: options.idleTimeout
    })
  }

  /** What is known of the upstream from the calls so far; no call is made to find out. */
  get health (): UpstreamHealth { return this.#health }

  /** The sockets to the upstream, by what they do. */
  get sockets (): { readonly connected: number, readonly free: number, readonly running: number } { return this.#pool.stats }

  /**
   * Sends one request and resolves when the first byte of the reply's body is there, or its end; whatever the status.
   * A request that cannot have reached the upstream is sent once more. The body must be read or destroyed.
   * Rejects with a {@link GatewayError} (`connection`, `timeout`, `bad_reply`) or the reason of `call.signal`. An abort
   * after that, until the body is closed, destroys the body with the signal's reason.
   */
  async send (method: 'GET' | 'POST', path: string, call: Call, accept: string, json?: unknown): Promise<Reply> {
    call.signal.throwIfAborted()
    const abort = new AbortController()
    const leave = () => abort.abort(call.signal.reason)
    call.signal.addEventListener('abort', leave, { once: true })
    const deadline = setTimeout(() => abort.abort(new GatewayError('timeout')), this.#options.firstByteTimeout)
    const unlink = () => call.signal.removeEventListener('abort', leave)

    try {
      const { statusCode, headers, body } = await this.#request({
        method,
        path: this.#prefix + path,
        headers: {
          ...call.headers,
          accept,
          ...(json !== undefined && { 'content-type': 'application/json' }),
          ...(this.#options.token && { authorization: `Bearer ${this.#options.token}` })
        },
        body: json === undefined ? null : JSON.stringify(json),
        signal: abort.signal
      })
      // Whoever reads the body learns of its error; in the moments when nobody reads, it must not end the process.
      body.on('error', () => {}).once('close', unlink)
      const empty = !await hasFirstByte(body)
      clearTimeout(deadline)
      this.#note('up')
      return { status: statusCode, headers, body, empty }
    } catch (error) {
      clearTimeout(deadline)
      unlink()
      if (call.signal.aborted) throw call.signal.reason
      const broken = fromTransport(abort.signal.aborted ? abort.signal.reason : error)
      // Between the headers and the first byte undici counts the silence as one in the middle of the answer.
      const failure = broken.errorType === 'idle_timeout' ? new GatewayError('timeout', { cause: error }) : broken
      this.#note('down', failure.errorType)
      throw failure
    }
  }

  /** Closes every connection at once; calls under way reject. */
  async close (): Promise<void> {
    await this.#pool.destroy()
  }

  async #request (options: Dispatcher.RequestOptions & { signal: AbortSignal }): Promise<Dispatcher.ResponseData> {
    try {
      return await this.#requestOnce(options)
    } catch (error) {
      if (!isUnsent(error)) throw error
      await sleep(RETRY_DELAY_MS, undefined, { signal: options.signal })
      return await this.#requestOnce(options)
    }
  }

  /** undici notices an abort only once the request has a connection; a caller must not wait for that. */
  async #requestOnce (options: Dispatcher.RequestOptions & { signal: AbortSignal }): Promise<Dispatcher.ResponseData> {
    const { signal } = options
    signal.throwIfAborted()
    let onAbort!: () => void
    const aborted = new Promise<never>((_resolve, reject) => {
      onAbort = () => reject(signal.reason)
    })
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      return await Promise.race([this.#pool.request(options), aborted])
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  #note (state: 'up' | 'down', errorType?: string): void {
    if (this.#health.state === state && this.#health.errorType === errorType) return
    this.#health = { state, since: new Date().toISOString(), ...(errorType && { errorType }) }
  }
}

/**
 * Waits until a body has its first byte (true) or has ended without one (false), and takes nothing out of it.
 * Rejects when the body fails first.
 */
function hasFirstByte (body: Dispatcher.ResponseData['body']): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const onReadable = () => {
      if (body.readableLength > 0) settle(() => resolve(true))
      // The end is announced as readable too, and becomes 'end' only when somebody reads.
      else body.read()
    }
    const onEnd = () => settle(() => resolve(false))
    const onClose = () => settle(() => reject(body.errored))
    const settle = (how: () => void) => {
      body.off('readable', onReadable).off('end', onEnd).off('close', onClose)
      how()
    }
    body.on('readable', onReadable).on('end', onEnd).on('close', onClose)
  })
}
