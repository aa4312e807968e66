import { isUtf8 } from 'node:buffer'
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import type { Ending, Position, Summary } from '../answer/answer.ts'
import { fromTransport } from '../copilot/failures.ts'
import { GatewayError, type MappedError } from '../errors.ts'
import { CharacterBoundary } from '../utf8.ts'
import * as frames from './frames.ts'

/** An answer to be told as events. */
export interface EventSource {
  readonly start: frames.Start
  /** The answer's UTF-8 bytes from `offset` on. */
  readonly body: Readable
  /** How many bytes of the answer the reader has already; default 0. */
  readonly offset?: number
  /** How the answer ended, asked for at its end; default: nobody says. */
  readonly ending?: () => Ending
  /** Size and digest of the whole answer, asked for at its end; default: they are computed from the body. */
  readonly summary?: () => Summary
}

/**
 * A stream of server-sent events that tells an answer: `start`, a `delta` for every chunk, and exactly one of `done`,
 * `error` and `reconnect`, after which it ends cleanly, however the answer itself ended. While nothing else is said, a
 * comment shows every `heartbeat` milliseconds that it is alive, from the beginning on. Destroying it destroys the answer's body.
 */
export class EventStream extends Readable {
  readonly #heartbeat: NodeJS.Timeout
  #body: Readable | undefined
  #bytes = 0
  #finished = false

  constructor (heartbeat: number) {
    super()
    this.#heartbeat = setInterval(() => {
      // To a reader that is behind, the bytes that wait show as much.
      if (this.readableLength === 0) this.push(frames.keepAlive)
    }, heartbeat)
  }

  /** Shows now that the stream is alive, so that its headers leave. */
  open (): void {
    this.push(frames.keepAlive)
  }

  /** Tells an answer. To be called once, and not after {@link fail}. */
  tell ({ start, body, offset = 0, ending = unsaid, summary }: EventSource): void {
    if (this.destroyed) {
      body.destroy()
      return
    }
    const characters = new CharacterBoundary()
    const hash = createHash('sha256')
    this.#body = body
    this.#bytes = offset
    this.push(frames.start(start))

    body.on('data', (chunk: Buffer) => {
      if (!summary) hash.update(chunk)
      const text = characters.push(chunk)
      if (text.length === 0) return
      if (!isUtf8(text)) {
        body.destroy(new GatewayError('bad_reply', { detail: 'its text is not UTF-8' }))
        return
      }
      this.#bytes += text.length
      if (!this.push(frames.delta(text.toString(), this.#at))) body.pause()
    })
    body.once('end', () => {
      if (characters.rest.length > 0) this.fail(new GatewayError('bad_reply', { detail: 'its text ends within a character' }))
      else this.#done(ending(), summary?.() ?? { bytes: this.#bytes, sha256: hash.digest('hex') })
    })
    body.once('error', error => this.fail(fromTransport(error), summary))
  }

  /** Ends with an `error` event; with a `summary`, which says that the answer can be resumed, a stop is `done` and a drain `reconnect`. */
  fail (failure: MappedError, summary?: () => Summary): void {
    if (failure.errorType === 'stopped' && summary) this.#finish(frames.done({ reason: 'stopped', finishReason: null, ...summary() }, this.#at))
    else if (failure.errorType === 'draining' && summary) this.#finish(frames.reconnect(this.#at))
    else this.#finish(frames.error(failure, this.#at))
  }

  get #at (): Position { return { bytes: this.#bytes, rest: 0 } }

  #done (ending: Ending, summary: Summary): void {
    this.#finish(frames.done({ reason: frames.reasonOf(ending.finishReason), ...ending, ...summary }, this.#at))
  }

  #finish (last: string): void {
    if (this.#finished || this.destroyed) return
    this.#finished = true
    clearInterval(this.#heartbeat)
    this.push(last)
    this.push(null)
  }

  override _read (): void {
    this.#body?.resume()
  }

  override _destroy (error: Error | null, done: (error: Error | null) => void): void {
    clearInterval(this.#heartbeat)
    this.#body?.destroy()
    done(error)
  }
}

function unsaid (): Ending {
  return { finishReason: null }
}
