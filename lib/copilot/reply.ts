import { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import type { IncomingHttpHeaders } from 'undici/types/header.js'
import { GatewayError } from '../errors.ts'
import { fromTransport } from './failures.ts'
import type { TextGuard } from './text-guard.ts'

/** A reply of the service, of whose body the first byte of text, or the end, has arrived. */
export interface Reply {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** Fails with an error of the error contract. Must be read to its end or destroyed. */
  readonly body: Readable
  /** True when the body ended without any text. */
  readonly empty: boolean
}

/** Chooses how the bytes of a reply are checked, by its status and headers; undefined when its body is not used as text. */
export type Guard = (status: number, headers: IncomingHttpHeaders) => TextGuard | undefined

/**
 * One request and its reply, as a handler for undici's `Dispatcher.dispatch`. undici's `request` would be simpler, but does not tell
 * whether the request was written, does not let each chunk be checked before it is read, and does not abort at once a request that still
 * waits for its connection.
 */
export class Attempt implements Dispatcher.DispatchHandler {
  /** Resolves when the first byte of the reply's text, or its end, has arrived. Rejects with an error of the contract, or the reason of {@link abort}. */
  readonly reply: Promise<Reply>
  readonly #guard: Guard
  #settle!: { resolve: (reply: Reply) => void, reject: (reason: unknown) => void }
  #controller: Dispatcher.DispatchController | undefined
  #body: ReplyBody | undefined
  /** Settles `reply`; called when the first byte or the end has arrived. */
  #begin: (() => void) | undefined
  #aborted: Error | undefined

  constructor (guard: Guard) {
    this.#guard = guard
    this.reply = new Promise((resolve, reject) => { this.#settle = { resolve, reject } })
  }

  /** False as long as the service cannot have received any of the request. */
  get written (): boolean { return this.#controller !== undefined }

  /** Aborts the request in every phase: {@link reply} rejects with `reason`, and a body that is being read fails with it. */
  abort (reason: unknown): void {
    this.#aborted = reason instanceof Error ? reason : new Error('aborted', { cause: reason })
    this.#settle.reject(reason)
    // Before the body is destroyed, so that undici's diagnostics (tracing) report the reason of the abort and not a failure.
    this.#controller?.abort(this.#aborted)
    this.#body?.destroy(fromTransport(reason))
  }

  onRequestStart (controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#aborted) controller.abort(this.#aborted)
  }

  onResponseStart (controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    // Interim replies (RFC 9110 §15.2) come before the reply.
    if (status < 200) return
    const body = this.#body = new ReplyBody(controller, this.#guard(status, headers))
    this.#begin = () => {
      if (body.failure) this.#settle.reject(body.failure)
      else this.#settle.resolve({ status, headers, body, empty: body.empty })
    }
  }

  onResponseData (controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#body?.pass(chunk) === false) controller.pause()
    // A chunk can consist of bytes that are not yet text, such as a part of a character.
    if (this.#body?.empty === false) this.#begin?.()
  }

  onResponseEnd (): void {
    this.#body?.over()
    this.#begin?.()
  }

  onResponseError (_controller: Dispatcher.DispatchController, error: unknown): void {
    const failure = fromTransport(error, this.written)
    this.#settle.reject(failure)
    this.#body?.fail(failure)
  }
}

/** The body of a reply, chunk by chunk. The socket is paused while the reader does not read. */
class ReplyBody extends Readable {
  readonly #controller: Dispatcher.DispatchController
  readonly #guard: TextGuard | undefined
  /** Why it is not whole, once that is known. */
  failure: Error | undefined
  /** True until the first byte of text, or a failure, has arrived. */
  empty = true
  #complete = false

  constructor (controller: Dispatcher.DispatchController, guard: TextGuard | undefined) {
    super({ highWaterMark: 64 * 1024 })
    this.#controller = controller
    this.#guard = guard
    // Readers add their own listener. This one keeps a failure from ending the process while there is no reader yet.
    this.on('error', () => {})
  }

  /** Takes a chunk. Returns false when the buffer is full and the socket has to pause. */
  pass (chunk: Buffer): boolean {
    if (this.failure) return true
    const text = this.#guard ? this.#guard.push(chunk) : chunk
    // An empty result is a part of a character. It must not be pushed, since a reader could take it for the end.
    if (text) return text.length === 0 || this.#take(text)
    this.fail(new GatewayError('bad_reply', { detail: 'its text is not what it says it is encoded in' }))
    return true
  }

  /** Takes the clean end of the body. */
  over (): void {
    this.#complete = true
    if (this.failure) return
    const rest = this.#guard ? this.#guard.end() : Buffer.alloc(0)
    if (!rest) {
      this.fail(new GatewayError('bad_reply', { detail: 'its text ends within a character' }))
      return
    }
    this.push(rest)
    this.push(null)
  }

  #take (text: Buffer): boolean {
    this.empty = false
    return this.push(text)
  }

  /** Destroys the body with a failure, in the next turn of the event loop: whoever gets the body in this turn can add a listener before. */
  fail (failure: Error): void {
    this.failure ??= failure
    this.empty = false
    setImmediate(() => this.destroy(failure))
  }

  override _read (): void {
    this.#controller.resume()
  }

  override _destroy (error: Error | null, done: (error: Error | null) => void): void {
    if (!this.#complete) this.#controller.abort(error ?? new DOMException('nobody reads the reply', 'AbortError'))
    done(error)
  }
}
