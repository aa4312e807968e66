import { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import type { IncomingHttpHeaders } from 'undici/types/header.js'
import { GatewayError } from '../errors.ts'
import { fromTransport } from './failures.ts'
import type { TextGuard } from './text-guard.ts'

/** A reply of the service whose body has shown its first byte of text, or its end. */
export interface Reply {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** Fails with an error of the error contract. Must be read to its end or destroyed. */
  readonly body: Readable
  /** The body ended without a byte of text, whatever it was encoded in. */
  readonly empty: boolean
}

/** Looks at the bytes of a reply by its status and headers; undefined: they are nobody's text. */
export type Guard = (status: number, headers: IncomingHttpHeaders) => TextGuard | undefined

/**
 * One request on its way: undici's handler of it (`Dispatcher.dispatch`), below the Readables that its `request` makes.
 * It knows whether the request was ever written, sees each chunk before a reader does, and has an abort take effect at
 * once, a connection or not.
 */
export class Attempt implements Dispatcher.DispatchHandler {
  /** Resolves with the first byte of the text of the reply's body, or its end. Rejects with an error of the contract, or the reason of {@link abort}. */
  readonly reply: Promise<Reply>
  readonly #guard: Guard
  #settle!: { resolve: (reply: Reply) => void, reject: (reason: unknown) => void }
  #controller: Dispatcher.DispatchController | undefined
  #body: ReplyBody | undefined
  /** Says that the reply has shown its first byte, or its end. */
  #begin: (() => void) | undefined
  #aborted: Error | undefined

  constructor (guard: Guard) {
    this.#guard = guard
    this.reply = new Promise((resolve, reject) => { this.#settle = { resolve, reject } })
  }

  /** False as long as the service cannot have got anything of the request. */
  get written (): boolean { return this.#controller !== undefined }

  /** Gives the request up, wherever it is: what waits for the reply rejects with `reason`, and a body that is being read fails with it. */
  abort (reason: unknown): void {
    this.#aborted = reason instanceof Error ? reason : new Error('aborted', { cause: reason })
    this.#settle.reject(reason)
    // First, so that whoever watches the request sees what gave it up, and no failure.
    this.#controller?.abort(this.#aborted)
    this.#body?.destroy(fromTransport(reason))
  }

  onRequestStart (controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#aborted) controller.abort(this.#aborted)
  }

  onResponseStart (controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    // Interim replies (RFC 9110 §15.2) say nothing yet.
    if (status < 200) return
    const body = this.#body = new ReplyBody(controller, this.#guard(status, headers))
    this.#begin = () => {
      if (body.failure) this.#settle.reject(body.failure)
      else this.#settle.resolve({ status, headers, body, empty: body.empty })
    }
  }

  onResponseData (controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#body?.pass(chunk) === false) controller.pause()
    // An encoding may have bytes that are no text.
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

/** The body of a reply: the chunks as they come from the socket, which waits while the reader does. */
class ReplyBody extends Readable {
  readonly #controller: Dispatcher.DispatchController
  readonly #guard: TextGuard | undefined
  /** Why it is not whole, once that is known. */
  failure: Error | undefined
  /** Neither a byte of text has come, nor a failure. */
  empty = true
  #complete = false

  constructor (controller: Dispatcher.DispatchController, guard: TextGuard | undefined) {
    super({ highWaterMark: 64 * 1024 })
    this.#controller = controller
    this.#guard = guard
    // Whoever reads learns of its failure; in the moments when nobody reads, it must not end the process.
    this.on('error', () => {})
  }

  /** Takes a chunk; false when the reader has enough for now. */
  pass (chunk: Buffer): boolean {
    if (this.failure) return true
    const text = this.#guard ? this.#guard.push(chunk) : chunk
    // A part of a character is no text yet, and must not look like the end.
    if (text) return text.length === 0 || this.#take(text)
    this.fail(new GatewayError('bad_reply', { detail: 'its text is not what it says it is encoded in' }))
    return true
  }

  /** Takes the clean end. */
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

  /** Breaks it off, once whoever was given it in this turn of the event loop has had the time to listen. */
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
