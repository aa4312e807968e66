import { isUtf8 } from 'node:buffer'
import { createHash, type Hash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Answer, type Ending, type Part, type Position, START, streamOf, type Summary, type ToolPart } from '../answer/answer.ts'
import type { Exchange } from '../answer/exchange.ts'
import { GatewayError, type MappedError, mapError } from '../errors.ts'
import { CharacterBoundary } from '../utf8.ts'
import { Cuttable } from './cuttable.ts'
import { emptyAnswer } from './incomplete-answer.ts'

/** Encodes an answer as the frames of a protocol. `at` is the position after the frame; an empty string sends nothing. */
export interface Frames {
  begin (answer: Answer): string
  text (text: string, at: Position): string
  reasoning (text: string, at: Position): string
  tool (part: ToolPart, at: Position): string
  /** The end of an answer whose transport ended cleanly. `summary` is of the text, and costs nothing unless it is asked for in {@link digests}. */
  end (ending: Ending, summary: Summary, at: Position): string
  /** `summary` is that of a recorded answer. */
  fail (failure: MappedError, at: Position, summary: (() => Summary) | undefined): string
  /** The frame that shows that the connection is alive. */
  readonly heartbeat: string
  /** True when the last frame has size and digest of the text. */
  readonly digests?: true
  /** True when the connection is cut after the frame of a failure. */
  readonly cutsFailures?: true
}

const NOTHING: Summary = { bytes: 0, sha256: '' }

/**
 * Streams an answer as frames: a first frame, every part as it comes, and exactly one last frame, however the answer ends. After
 * every `heartbeatMs` milliseconds without a frame, a heartbeat is sent, also before the answer begins. Destroying the stream
 * destroys the answer.
 */
export class AnswerStream extends Cuttable {
  readonly #frames: Frames
  readonly #heartbeat: NodeJS.Timeout
  readonly #text = new CharacterBoundary()
  readonly #reasoning = new CharacterBoundary()
  #hash: Hash | undefined
  #source: Readable | undefined
  #at: Position = START
  #finished = false

  constructor (frames: Frames, heartbeatMs: number) {
    super()
    this.#frames = frames
    this.#heartbeat = setInterval(() => {
      // To a reader that is behind, the bytes that wait show as much.
      if (this.readableLength === 0) this.push(frames.heartbeat)
    }, heartbeatMs)
  }

  /** Sends a heartbeat now, so that the headers are sent. */
  open (): void {
    this.push(this.#frames.heartbeat)
  }

  /** Streams an answer. Call it once, and not after {@link fail}. */
  tell (answer: Answer, exchange: Exchange): void {
    const source = streamOf(answer)
    if (this.destroyed) {
      source.destroy()
      return
    }
    const { body, offset, summary, ending } = answer
    if (!summary && this.#frames.digests) this.#hash = createHash('sha256')
    this.#source = source
    this.#at = offset
    this.#push(this.#frames.begin(answer))

    source.on('data', body ? (bytes: Buffer) => this.#say('text', bytes) : (part: Part) => this.#part(part))
    source.once('end', () => {
      const end = ending()
      const failure = this.#held() ? new GatewayError('bad_reply', { detail: 'its text ends within a character' }) : emptyAnswer(end, this.#at.bytes)
      if (failure) return this.fail(exchange.fail(failure))
      this.#finish(this.#frames.end(end, summary?.() ?? this.#summary(), this.#at))
    })
    source.once('error', error => this.fail(mapError(error), summary))
  }

  /** Ends with a failure; a `summary` says that the answer was recorded. */
  fail (failure: MappedError, summary?: () => Summary): void {
    this.#finish(this.#frames.fail(failure, this.#at, summary), this.#frames.cutsFailures && new Error(failure.message))
  }

  #part (part: Part): void {
    if (part.type !== 'tool') return this.#say(part.type, part.bytes)
    this.#at = { bytes: this.#at.bytes, rest: this.#at.rest + 1 }
    this.#push(this.#frames.tool(part, this.#at))
  }

  #say (type: 'text' | 'reasoning', chunk: Buffer): void {
    const isText = type === 'text'
    const bytes = (isText ? this.#text : this.#reasoning).push(chunk)
    if (bytes.length === 0) return
    if (!isUtf8(bytes)) {
      this.#source?.destroy(new GatewayError('bad_reply', { detail: 'its text is not UTF-8' }))
      return
    }
    if (isText) {
      this.#hash?.update(bytes)
      this.#at = { bytes: this.#at.bytes + bytes.length, rest: this.#at.rest }
      this.#push(this.#frames.text(bytes.toString(), this.#at))
    } else {
      this.#at = { bytes: this.#at.bytes, rest: this.#at.rest + bytes.length }
      this.#push(this.#frames.reasoning(bytes.toString(), this.#at))
    }
  }

  #push (frame: string): void {
    if (frame !== '' && !this.push(frame)) this.#source?.pause()
  }

  #held (): boolean {
    return this.#text.rest.length + this.#reasoning.rest.length > 0
  }

  #summary (): Summary {
    return this.#hash ? { bytes: this.#at.bytes, sha256: this.#hash.digest('hex') } : NOTHING
  }

  #finish (last: string, failure?: Error): void {
    if (this.#finished || this.destroyed) return
    this.#finished = true
    clearInterval(this.#heartbeat)
    if (last !== '') this.push(last)
    if (failure) this.cut(failure)
    else this.push(null)
  }

  protected override more (): void {
    this.#source?.resume()
  }

  override _destroy (error: Error | null, done: (error: Error | null) => void): void {
    clearInterval(this.#heartbeat)
    this.#source?.destroy()
    done(error)
  }
}

/**
 * Streams an answer as frames as soon as it begins. When that takes longer than a heartbeat, the stream starts without it, so that the
 * reader of a slow model sees that the connection is alive. A failure before that rejects, and is answered with an error status.
 * `recorded` is the summary of a recorded answer that fails before it has begun.
 */
export async function tellInFrames (frames: Frames, pending: Promise<Answer>, exchange: Exchange, heartbeatMs: number, recorded?: () => Summary): Promise<Readable> {
  const inTime = new AbortController()
  const slow = sleep(heartbeatMs, undefined, { signal: inTime.signal }).catch(() => undefined)
  const answer = await Promise.race([pending, slow]).finally(() => inTime.abort())

  const stream = new AnswerStream(frames, heartbeatMs)
  const begin = (answer: Answer): void => {
    exchange.began(answer)
    stream.tell(answer, exchange)
  }
  if (answer) {
    begin(answer)
  } else {
    stream.open()
    pending.then(begin).catch((error: unknown) => stream.fail(exchange.fail(error, true), recorded))
  }
  return stream
}
