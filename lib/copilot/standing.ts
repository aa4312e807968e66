/** After how many failures in a row a service is left out. */
const FAILURES = 3
/** How long it is left out, in milliseconds: at first, and at most. The time doubles each time that the service fails again. */
const FIRST_PAUSE = 1_000
const LONGEST_PAUSE = 60_000

/** A question whose outcome is reported to a {@link Standing}. `period` says since which change of the standing it runs. */
export interface Trial { period: number }

/** A service that is left out. */
export interface LeftOut {
  /** Since when it is left out, ISO 8601. */
  readonly since: string
  /** Its last failure: an errorType of the error contract. */
  readonly errorType: string
}

/**
 * Decides whether a service is asked: a circuit breaker. After three failures in a row the service is left out for a while, which
 * doubles with each further failure. When the while is over, the service is tried with a single question. A question counts only if
 * it was asked since the standing last changed: when a hundred questions fail together, only three of them count.
 */
export class Standing {
  readonly #now: () => number
  readonly #changed: (leftOut: LeftOut | undefined) => void
  #failures = 0
  #pause = 0
  #failedAt = 0
  #leftOut: LeftOut | undefined
  /** How many times the standing has changed. */
  #period = 0
  /** How many questions were asked since the service was left out and have no outcome yet. */
  #trials = 0

  /** `now` is a monotonic clock in milliseconds. `changed` is called when the service is left out, and when it is asked again. */
  constructor (now: () => number, changed: (leftOut: LeftOut | undefined) => void) {
    this.#now = now
    this.#changed = changed
  }

  /** Since when and why the service is left out; undefined while it is not. */
  get leftOut (): LeftOut | undefined { return this.#leftOut }

  /** True while the service is left out and a question is trying it. */
  get isTried (): boolean { return this.#trials > 0 }

  /** True when the service was left out for long enough and no question is trying it yet. */
  get isDue (): boolean { return this.#leftOut !== undefined && !this.isTried && this.#now() >= this.#failedAt + this.#pause }

  /** When the service that is left out failed last: a reading of the clock. */
  get failedAt (): number { return this.#failedAt }

  /** Records that a question is asked. Its outcome has to be reported by one of the methods below. */
  asked (): Trial {
    if (this.#leftOut) this.#trials++
    return { period: this.#period }
  }

  /** Reports that the service has begun to answer, which shows that it is available, however the answer ends. */
  answered (trial: Trial): void {
    if (trial.period !== this.#period || !this.#leftOut) return
    this.#change(undefined)
    trial.period = this.#period
  }

  /** Reports success, which ends a row of failures. */
  succeeded (trial: Trial): void {
    this.answered(trial)
    if (trial.period !== this.#period) return
    this.#failures = 0
    this.#pause = 0
  }

  /** Reports a failure of the service. */
  failed (trial: Trial, errorType: string): void {
    if (trial.period !== this.#period || ++this.#failures < FAILURES) return
    this.#pause = Math.min(this.#pause * 2 || FIRST_PAUSE, LONGEST_PAUSE)
    this.#failedAt = this.#now()
    this.#change({ since: this.#leftOut?.since ?? new Date().toISOString(), errorType })
  }

  /** Reports that the question has no outcome, because it was given up. */
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
