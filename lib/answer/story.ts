import { type Ended, type MappedError, mapError } from '../errors.ts'
import { type Answer, type Ending, type FinishReason, streamOf } from './answer.ts'

const NOT_WHOLE: Readonly<Partial<Record<FinishReason, Ended>>> = { length: 'length', content_filter: 'filtered' }

/** The outcome of an answer that ended cleanly but is not whole, because the model broke it off or it was filtered. Null for a whole answer. */
export function notWhole ({ finishReason }: Ending): Ended | null {
  return NOT_WHOLE[finishReason ?? 'stop'] ?? null
}

/**
 * The course of a reply, or of a recorded answer, from its request to its end. The code that answers writes it; logs, metrics and
 * traces listen for its end. Durations are milliseconds since the request.
 */
export class Story {
  readonly #since: number
  readonly #report: (error: unknown) => void
  #listeners: Array<() => void> | undefined
  #answer: Answer | null = null
  #service: string | undefined
  #firstByteAfter: number | null = null
  #ending: Ending | null = null
  #failure: MappedError | null = null
  #ended: Ended | null = null
  #endAfter: number | null = null

  /** `since` is a reading of `performance.now()`; `report` is told what a listener has thrown. */
  constructor (since: number, report: (error: unknown) => void) {
    this.#since = since
    this.#report = report
  }

  /** The answer, once its first byte has arrived; null when it is refused nevertheless. */
  get answer (): Answer | null { return this.#answer }
  /** When the first byte of the answer was there; null before it. */
  get firstByteAfter (): number | null { return this.#firstByteAfter }
  /** How the answer came to its end by what its service says; null before a clean end, and without one. */
  get ending (): Ending | null { return this.#ending }
  /** What failed, once something has. */
  get failure (): MappedError | null { return this.#failure }
  /** Which Copilot service answers, or has failed: its configured URL, without credentials. Undefined when none was asked. */
  get upstream (): string | undefined { return this.#service ?? this.#failure?.source?.url }
  /** How it ended; null before that. When something has cut it, this is known before it is over. */
  get ended (): Ended | null { return this.#ended }
  /** How long it has taken: until now, or until it was over. */
  get duration (): number { return this.#endAfter ?? performance.now() - this.#since }
  /** True once it is over. */
  get isOver (): boolean { return this.#endAfter !== null }

  /** Takes the answer that is told from now on. How its stream ends is known by itself from then on. To be called once. */
  began (answer: Answer): void {
    this.#answer = answer
    this.#service = answer.service
    this.#firstByteAfter = this.duration
    const stream = streamOf(answer)
    stream.once('error', error => this.fail(error))
    stream.once('end', () => {
      this.#ending = answer.ending()
      this.#ended ??= notWhole(this.#ending)
    })
  }

  /**
   * Says that something failed, and gives back how clients are told. Before the answer has begun, they can be, and the end is still
   * to come; an answer that has begun has ended by it, and so has a reply that has `committed` itself to a status without one.
   * What fails because of an end, or after it, is no part of the story.
   */
  fail (error: unknown, committed = this.#answer !== null): MappedError {
    const failure: MappedError = mapError(error)
    if (this.#ended === null) {
      this.#failure = failure
      this.#ending ??= failure.ending ?? null
      if (committed) this.#ended = failure.ended
    }
    return failure
  }

  /** The same for a failure that is told in place of the answer: its reader has had nothing of that, whatever had come. */
  refuse (error: unknown): MappedError {
    this.#answer = null
    this.#firstByteAfter = null
    const failure = this.fail(error)
    // An answer that its model did not finish has ended by that before it is refused.
    if (failure.ended === this.#ended) this.#failure ??= failure
    return failure
  }

  /** Says that it has ended by a failure, whatever of it has been told. No effect on what has ended already. */
  protected cut (failure: MappedError): void {
    if (this.#ended !== null) return
    this.#failure = failure
    this.#ended = failure.ended
  }

  /** Says that nothing more of it will come, and tells the listeners. Only the first call counts; `broken` is how it ended if nothing else has said so. */
  settle (broken?: Ended): void {
    if (this.isOver) return
    this.#endAfter = this.duration
    this.#ended ??= broken ?? this.#failure?.ended ?? 'complete'
    const listeners = this.#listeners ?? []
    this.#listeners = undefined
    for (const listener of listeners) this.#call(listener)
  }

  /** Calls a listener once when it is over, or at once when it is already, whatever way it ended. What a listener throws concerns nobody else. */
  onOver (listener: () => void): void {
    if (this.isOver) this.#call(listener)
    else (this.#listeners ??= []).push(listener)
  }

  #call (listener: () => void): void {
    try {
      listener()
    } catch (error) {
      this.#report(error)
    }
  }
}
