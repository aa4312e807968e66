import type { Part, Position } from '../../answer/answer.ts'
import { characterStart } from '../../utf8.ts'
import type { From } from '../recording.ts'
import { Slabs } from './slabs.ts'

/** What a change of type costs besides its bytes: about the size of a `Run` object. */
const RUN_BYTES = 80

/** Consecutive parts of one type, or one tool: where the run begins on the tape and in the answer, and the run that follows, once there is one. */
interface Run extends Position {
  readonly type: Part['type']
  readonly at: number
  next?: Run
}

/** A place on a tape: a run, and the offset on the tape in bytes. Without a run: the beginning of an empty tape. */
export interface Place { run: Run | undefined, at: number }

/** A part as the tape stores it: a tool as JSON, text and reasoning as their bytes. */
export interface Entry { readonly type: Part['type'], readonly bytes: Buffer }

/** Converts a part into what the tape stores. */
export function entryOf (part: Part): Entry {
  return part.type === 'tool' ? { type: part.type, bytes: Buffer.from(JSON.stringify(part)) } : part
}

/** The parts of an answer in their order; consecutive text, and consecutive reasoning, is merged. */
export class Tape {
  readonly #slabs = new Slabs()
  #first: Run | undefined
  #last: Run | undefined
  #runs = 0
  #bytes = 0
  #rest = 0

  /** How many bytes were added in all. */
  get end (): number { return this.#slabs.end }

  /** How many of those bytes are still held. */
  get held (): number { return this.#slabs.held }

  /** How many bytes of text were added. */
  get textBytes (): number { return this.#bytes }

  /** The cost of everything added, in bytes. A tape with a single run costs exactly its bytes. */
  get cost (): number { return this.#slabs.end + RUN_BYTES * Math.max(0, this.#runs - 1) }

  /** What it costs to add an entry. */
  costOf ({ type, bytes }: Entry): number {
    return bytes.length + (this.#last && this.#begins(type) ? RUN_BYTES : 0)
  }

  add ({ type, bytes }: Entry): void {
    if (this.#begins(type)) {
      const run: Run = { type, at: this.end, bytes: this.#bytes, rest: this.#rest }
      if (this.#last) this.#last.next = run
      else this.#first = run
      this.#last = run
      this.#runs++
    }
    this.#slabs.append(bytes)
    if (type === 'text') this.#bytes += bytes.length
    else this.#rest += type === 'tool' ? 1 : bytes.length
  }

  /** The place of the first part that is still held. */
  beginning (): Place {
    return { run: this.#first, at: 0 }
  }

  /** Finds a place and its position; undefined when the tape does not have it. With `characters`, the place may be up to three bytes earlier. */
  locate (from: From, unit: 'bytes' | 'characters'): { place: Place, position: Position } | undefined {
    for (let run = this.#first; run; run = run.next) {
      const within = this.#within(run, from)
      if (within === undefined) continue
      const start = unit === 'bytes' || run.type === 'tool' ? within : this.#characterStart(run, within)
      const at = run.type === 'tool' && within > 0 ? this.#endOf(run) : run.at + start
      const moved = run.type === 'text' ? { bytes: run.bytes + start, rest: run.rest } : { bytes: run.bytes, rest: run.rest + start }
      return { place: { run, at }, position: moved }
    }
    return from.bytes === 0 && (from.rest ?? 0) === 0 ? { place: this.beginning(), position: { bytes: 0, rest: 0 } } : undefined
  }

  /** Returns the part at a place and advances the place past it; undefined at the end. */
  next (place: Place): Part | undefined {
    place.run ??= this.#first
    if (place.run?.next?.at === place.at) place.run = place.run.next
    const { run, at } = place
    if (!run || at === this.end) return undefined
    const end = this.#endOf(run)
    if (run.type === 'tool') {
      place.at = end
      return JSON.parse(this.#slabs.range(at, end).toString())
    }
    const bytes = this.#slabs.view(at, end)
    place.at += bytes.length
    return { type: run.type, bytes }
  }

  /** Releases what lies before a place, as far as whole slabs allow. */
  release (before: Place): void {
    this.#first = before.run ?? this.#first
    this.#slabs.release(before.at)
  }

  /** Releases everything. */
  clear (): void {
    this.release({ run: this.#last, at: this.end })
  }

  /** Releases unused memory. */
  trim (): void {
    this.#slabs.trim()
  }

  #begins (type: Part['type']): boolean {
    return type === 'tool' || this.#last?.type !== type
  }

  /** The distance of a position from the beginning of a run, in bytes or tools; undefined when the run does not contain the position. */
  #within (run: Run, { bytes, rest }: From): number | undefined {
    const end = run.next ?? { bytes: this.#bytes, rest: this.#rest }
    const onItsWay = run.bytes <= bytes && bytes <= end.bytes
    if (rest === undefined) return onItsWay ? bytes - run.bytes : undefined
    return onItsWay && run.rest <= rest && rest <= end.rest ? bytes - run.bytes + rest - run.rest : undefined
  }

  #endOf (run: Run): number {
    return run.next?.at ?? this.end
  }

  #characterStart (run: Run, within: number): number {
    const before = Math.min(3, within)
    const at = run.at + within
    if (at === this.#endOf(run)) return within
    return within - before + characterStart(this.#slabs.range(at - before, at + 1), before)
  }
}
