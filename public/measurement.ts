import type { ChatEvent } from '../client/index.ts'

/** An event of the gateway, with its time in milliseconds after the question. */
export interface TimedEvent extends ChatEvent {
  readonly at: number
}

/** Measures one answer by its events. Times are milliseconds. */
export class Measurement {
  readonly events: TimedEvent[] = []
  /** The times between one piece and the next. */
  readonly gaps: number[] = []
  /** The time from the question to the first piece. */
  firstPiece: number | undefined
  pieces = 0
  readonly #now: () => number
  readonly #started: number
  #last = 0

  constructor (now = () => performance.now()) {
    this.#now = now
    this.#started = now()
  }

  take (event: ChatEvent): void {
    const at = this.#now() - this.#started
    this.events.push({ at: Math.round(at * 10) / 10, ...event })
    if (event.event !== 'delta') return
    if (this.pieces++ === 0) this.firstPiece = at
    else this.gaps.push(at - this.#last)
    this.#last = at
  }

  /** Pieces per second, from the first to the last; undefined when they came within too short a time to measure. */
  get rate (): number | undefined {
    const time = this.#last - (this.firstPiece ?? 0)
    return time > 50 ? this.gaps.length / time * 1000 : undefined
  }

  /** The events as newline-delimited JSON. */
  get ndjson (): string {
    return this.events.map(event => JSON.stringify(event) + '\n').join('')
  }
}

/** Reduces the values to at most `count`: each result is the largest of an equal share of the values. */
export function peaks (values: readonly number[], count: number): number[] {
  const share = Math.max(1, Math.ceil(values.length / count))
  return Array.from({ length: Math.ceil(values.length / share) }, (_, index) =>
    values.slice(index * share, (index + 1) * share).reduce((most, value) => Math.max(most, value), 0))
}

/** The median of the values; undefined when there are none. */
export function median (values: readonly number[]): number | undefined {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)]
}
