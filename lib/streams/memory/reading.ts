import { Readable } from 'node:stream'
import type { Part } from '../../answer/answer.ts'
import type { GatewayError, ReportedError } from '../../errors.ts'
import type { Place } from './tape.ts'

/** What a reading asks of its recording. */
export interface Source {
  /** The next part behind a place, which moves behind it; undefined when there is none (yet). */
  next (place: Place): Part | undefined
  /** Nothing will follow. */
  readonly over: boolean
  /** Why the answer is not whole, once it is over. */
  readonly failure: GatewayError | ReportedError | undefined
  /** A reading has taken what it was given. */
  moved (): void
  /** A reading is over. */
  left (reading: MemoryReading): void
}

/** Reads a recording from a place on and follows it to its end. */
export class MemoryReading extends Readable {
  readonly #source: Source
  #wanted = false
  readonly place: Place

  constructor (source: Source, place: Place) {
    // A part waits in its recording and not here: who reads slowly must not keep what others may have forgotten.
    super({ objectMode: true, highWaterMark: 0 })
    this.#source = source
    this.place = place
  }

  /** It has given away all there is, and wants more. */
  get waits (): boolean { return this.#wanted }

  /** Gives away what there is, as far as it is wanted. */
  pump (): void {
    while (this.#wanted) {
      const part = this.#source.next(this.place)
      if (!part) break
      this.#wanted = this.push(part)
    }
    const { over, failure } = this.#source
    // What was pushed and is not taken yet would be lost with the failure: that waits until more is wanted.
    if (!this.#wanted || !over) return
    if (failure) this.destroy(failure)
    else this.push(null)
  }

  override _read (): void {
    this.#wanted = true
    this.pump()
    this.#source.moved()
  }

  override _destroy (error: Error | null, done: (error: Error | null) => void): void {
    this.#wanted = false
    this.#source.left(this)
    done(error)
  }
}
