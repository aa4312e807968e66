/** How many failures in a row a service is left out for. */
const FAILURES = 3
/** For how long, in milliseconds: at first, and at most. It doubles each time that the service fails again. */
const FIRST_PAUSE = 1_000
const LONGEST_PAUSE = 60_000

/** One question, as far as the standing of the service that it was asked is concerned. */
export interface Trial { period: number }

/** A service that is left out. */
export interface LeftOut {
  /** Since when it is left out, ISO 8601. */
  readonly since: string
  /** How it has failed: an errorType of the error contract. */
  readonly errorType: string
}

/**
 * Whether a service is one to ask. After three failures in a row it is left out for a while that doubles with each further one; then
 * it is tried with one question. Only what was asked since the standing has changed can change it again: of a hundred questions
 * that fail together, three count.
 */
export class Standing {
  readonly #now: () => number
  readonly #changed: (leftOut: LeftOut | undefined) => void
  #failures = 0
  #pause = 0
  #failedAt = 0
  #leftOut: LeftOut | undefined
  /** Counts the changes. */
  #period = 0
  /** Questions that were asked since it was left out, and have no outcome yet. */
  #trials = 0

  /** `now` is a clock in milliseconds that never goes back; `changed` is told when it is left out, and when it is back. */
  constructor (now: () => number, changed: (leftOut: LeftOut | undefined) => void) {
    this.#now = now
    this.#changed = changed
  }

  /** How it is left out; undefined while it is asked as all others. */
  get leftOut (): LeftOut | undefined { return this.#leftOut }

  /** True while it is left out and a question tries it. */
  get isTried (): boolean { return this.#trials > 0 }

  /** True when it was left out for long enough, and no question tries it yet. */
  get isDue (): boolean { return this.#leftOut !== undefined && !this.isTried && this.#now() >= this.#failedAt + this.#pause }

  /** When it has failed for the last time, if it is left out: a reading of the clock. */
  get failedAt (): number { return this.#failedAt }

  /** Takes note of a question; one of the other methods is to be told its outcome. */
  asked (): Trial {
    if (this.#leftOut) this.#trials++
    return { period: this.#period }
  }

  /** The service has begun to answer: it is there, whatever becomes of the answer. */
  answered (trial: Trial): void {
    if (trial.period !== this.#period || !this.#leftOut) return
    this.#change(undefined)
    trial.period = this.#period
  }

  /** The service has done what it should: the row of its failures is over. */
  succeeded (trial: Trial): void {
    this.answered(trial)
    if (trial.period !== this.#period) return
    this.#failures = 0
    this.#pause = 0
  }

  /** The service has failed. */
  failed (trial: Trial, errorType: string): void {
    if (trial.period !== this.#period || ++this.#failures < FAILURES) return
    this.#pause = Math.min(this.#pause * 2 || FIRST_PAUSE, LONGEST_PAUSE)
    this.#failedAt = this.#now()
    this.#change({ since: this.#leftOut?.since ?? new Date().toISOString(), errorType })
  }

  /** The question was given up before it had an outcome. */
  givenUp (trial: Trial): void {
    if (trial.period === this.#period && this.#leftOut) this.#trials--
  }

  #change (leftOut: LeftOut | undefined): void {
    if (!leftOut || !this.#leftOut) this.#changed(leftOut)
    this.#leftOut = leftOut
    this.#period++
    this.#trials = 0
  }
}
