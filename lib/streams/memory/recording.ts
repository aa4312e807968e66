import { createHash, randomBytes } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import type { Ending, Part, Summary } from '../../answer/answer.ts'
import { GatewayError, type ReportedError } from '../../errors.ts'
import type { Beginning, From, IdempotencyKey, LiveRecording, Names, Reading, Writer } from '../recording.ts'
import { MemoryReading, type Source } from './reading.ts'
import { entryOf, type Place, Tape } from './tape.ts'

/** What a recording asks of its store. */
export interface Keeper {
  /** How many bytes a recording may cost. */
  readonly maxRecordingBytes: number
  /** Reserves room; false when there is not enough, even after evicting other recordings. */
  take (recording: MemoryRecording, cost: number): boolean
  /** Releases room. */
  give (recording: MemoryRecording, cost: number): void
  /** Removes a recording from the store and calls its {@link MemoryRecording.drop}. */
  drop (recording: MemoryRecording): void
  /** Called when a recording that was not dropped is over. */
  over (recording: MemoryRecording): void
}

/** What the store finds a recording by. */
export interface Known extends Names {
  readonly owner: string
  readonly key?: IdempotencyKey
}

/** A new id for a recording: 128 random bits. */
export function newId (): string {
  return randomBytes(16).toString('base64url')
}

/** A recording in the memory of this process. */
export class MemoryRecording implements LiveRecording, Source {
  readonly id: string
  readonly known: Known
  charge = 0
  over = false
  failure: GatewayError | ReportedError | undefined
  readonly #keeper: Keeper
  readonly #writer: Writer
  readonly #tape = new Tape()
  /** `settled`: the answer has begun, or failed before; `moved`: a reader took a part or left; `over`: the answer is over. */
  readonly #events = new EventEmitter().setMaxListeners(0)
  readonly #readings = new Set<MemoryReading>()
  readonly #hash = createHash('sha256')
  #beginning: Beginning | undefined
  #ending: Ending = { finishReason: null }
  #readers = 0
  /** How many readers wait for the answer to begin. */
  #waiting = 0
  #kept = true

  constructor (keeper: Keeper, writer: Writer, known: Known, id = newId()) {
    this.id = id
    this.#keeper = keeper
    this.#writer = writer
    this.known = known
  }

  get owner (): string { return this.known.owner }

  get readers (): number { return this.#readers }

  async begin (beginning: Beginning): Promise<void> {
    this.#beginning = beginning
    this.#events.emit('settled')
  }

  async append (part: Part, signal: AbortSignal): Promise<void> {
    const entry = entryOf(part)
    if (entry.bytes.length === 0) return
    const cost = this.#tape.costOf(entry)
    if (this.#kept && this.#tape.cost + cost > this.#keeper.maxRecordingBytes) throw new GatewayError('answer_too_large')
    if (this.#kept && !this.#keeper.take(this, cost)) this.#keeper.drop(this)
    if (!this.#kept) await this.#passedOn(signal)
    this.#tape.add(entry)
    if (part.type === 'text') this.#hash.update(part.bytes)
    for (const reading of this.#readings) reading.pump()
  }

  async finish (ending: Ending): Promise<void> {
    this.#ending = ending
    this.#end()
  }

  async fail (failure: GatewayError | ReportedError): Promise<void> {
    if (this.over) return
    this.failure = failure
    this.#end()
  }

  async read (from: From, signal: AbortSignal, unit: 'bytes' | 'characters' = 'characters'): Promise<Reading> {
    if (!this.#kept) throw new GatewayError('not_found')
    this.#watched(+1)
    try {
      const beginning = await this.#begun(signal)
      const found = this.#tape.locate(from, unit)
      if (!found) throw this.#whyNot(from)
      const parts = new MemoryReading(this, found.place)
      this.#readings.add(parts)
      return { ...beginning, parts, offset: found.position, ending: () => this.#ending, summary: () => this.#summary() }
    } catch (error) {
      this.#watched(-1)
      throw error
    }
  }

  async summary (): Promise<Summary> {
    return this.#summary()
  }

  async isOver (): Promise<boolean> {
    return this.over
  }

  async stop (): Promise<void> {
    if (this.over) return
    const over = once(this.#events, 'over')
    this.#writer.stop()
    await over
  }

  /** Keeps from now on only what connected readers still need. Only the {@link Keeper} calls this. */
  drop (): void {
    this.#kept = false
    this.#release()
    if (!this.over) this.#writer.dropped()
  }

  next (place: Place): Part | undefined {
    return this.#tape.next(place)
  }

  moved (): void {
    if (this.#kept) return
    this.#release()
    this.#events.emit('moved')
  }

  left (reading: MemoryReading): void {
    this.#readings.delete(reading)
    this.#watched(-1)
  }

  async #begun (signal: AbortSignal): Promise<Beginning> {
    this.#waiting++
    // Only the signal makes `once` reject; `throwIfAborted` reports that.
    if (!this.#beginning && !this.over) await once(this.#events, 'settled', { signal }).catch(() => {})
    this.#waiting--
    signal.throwIfAborted()
    if (!this.#beginning) throw this.failure
    return this.#beginning
  }

  /** Waits until every reader has taken every part, so that a dropped recording holds one part at most. */
  async #passedOn (signal: AbortSignal): Promise<void> {
    while (this.#waiting > 0 || [...this.#readings].some(({ waits }) => !waits)) {
      await once(this.#events, 'moved', { signal }).catch(() => { throw signal.reason })
    }
    this.#release()
  }

  #end (): void {
    this.over = true
    this.#tape.trim()
    if (!this.#beginning) this.#events.emit('settled')
    if (this.#kept) this.#keeper.over(this)
    for (const reading of this.#readings) reading.pump()
    this.#events.emit('over')
  }

  #watched (change: number): void {
    this.#readers += change
    if (!this.over) this.#writer.watched(this.#readers)
    this.moved()
  }

  /** Releases what every reader has read, and the room that it took. */
  #release (): void {
    if (this.#waiting > 0) return
    const [first] = [...this.#readings].map(({ place }) => place).sort((a, b) => a.at - b.at)
    if (first) this.#tape.release(first)
    else this.#tape.clear()
    const { held } = this.#tape
    if (held < this.charge) this.#keeper.give(this, this.charge - held)
  }

  #summary (): Summary {
    return { bytes: this.#tape.textBytes, sha256: this.#hash.copy().digest('hex') }
  }

  #whyNot ({ bytes, rest }: From): GatewayError | ReportedError {
    // A writer that is lost may have told more than it has recorded.
    if (this.failure?.errorType === 'producer_lost') return this.failure
    const there = this.#tape.textBytes
    return new GatewayError('past_the_end', { detail: bytes > there ? `${bytes} is past the ${there} bytes there are` : `nothing is told at ${bytes}.${rest}` })
  }
}
