import type { Ledger, Spending } from './budget.ts'

/** How many callers are remembered; the one whose window began first is forgotten for another. */
const MAX_CALLERS = 50_000

/** Counts tokens in the memory of this process. */
export class MemoryLedger implements Ledger {
  readonly #window: number
  /** In the order in which the windows began. `until` is a time of `performance.now()`. */
  readonly #callers = new Map<string, { tokens: number, readonly until: number }>()

  /** `window` is in milliseconds. */
  constructor (window: number) {
    this.#window = window
  }

  async spent (caller: string): Promise<Spending> {
    this.#expire()
    const own = this.#callers.get(caller)
    return own ? { tokens: own.tokens, endsIn: own.until - performance.now() } : { tokens: 0, endsIn: 0 }
  }

  async spend (caller: string, tokens: number): Promise<void> {
    this.#expire()
    const own = this.#callers.get(caller) ?? { tokens: 0, until: performance.now() + this.#window }
    own.tokens += tokens
    this.#callers.set(caller, own)
  }

  /** Forgets windows that have ended, and the oldest when there are too many. All windows are equally long: the first to begin is the first to end. */
  #expire (): void {
    const now = performance.now()
    for (const [caller, { until }] of this.#callers) {
      if (until > now && this.#callers.size < MAX_CALLERS) break
      this.#callers.delete(caller)
    }
  }
}
