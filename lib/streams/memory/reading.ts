import { Readable } from 'node:stream'
import type { Part } from '../../answer/answer.ts'
import type { GatewayError, ReportedError } from '../../errors.ts'
import type { Place } from './tape.ts'

/** What a reading asks of its recording. */
export interface Source {
  /** Returns the part at a place and advances the place past it; undefined when there is no such part (yet). */
  next (place: Place): Part | undefined
  /** True when no further part will follow. */
  readonly over: boolean
  /** Why the answer is not whole, once it is over. */
  readonly failure: GatewayError | ReportedError | undefined
  /** Called when a reading has taken a part. */
  moved (): void
  /** Called when a reading is over. */
  left (reading: MemoryReading): void
}

/** Reads a recording from a place on and follows it to its end. */
export class MemoryReading extends Readable {
  readonly #source: Source
  #wanted = false
  readonly place: Place

  constructor (source: Source, place: Place) {
    // No buffer: parts wait in the recording, so that a slow reader does not hold memory that the recording has released.
    super({ objectMode: true, highWaterMark: 0 })
    this.#source = source
    this.place = place
  }

  /** True when the reader has got every part there is and asks for more. */
  get waits (): boolean { return this.#wanted }

  /** Pushes the available parts as far as the reader asks for them. */
  pump (): void {
    while (this.#wanted) {
      const part = this.#source.next(this.place)
      if (!part) break
      this.#wanted = this.push(part)
    }
    const { over, failure } = this.#source
    // destroy() would discard a part that was pushed and not read yet, so that the failure waits for the next _read().
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
