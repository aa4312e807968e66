import type { Ledger, Spending } from './ledger.ts'

/** How many callers are remembered; the one whose window began first is forgotten for another. To push its own count out, a client would need this many names or addresses. */
const MAX_CALLERS = 50_000

/** Counts in the memory of this process. */
export class MemoryLedger implements Ledger {
  readonly #window: number
  /** In the order in which the windows began. `until` is a time of `performance.now()`. */
  readonly #callers = new Map<string, { amount: number, readonly until: number }>()

  /** `window` is in milliseconds. */
  constructor (window: number) {
    this.#window = window
  }

  async spent (caller: string): Promise<Spending> {
    const now = this.#expire()
    const own = this.#callers.get(caller)
    return own ? { amount: own.amount, endsIn: own.until - now } : { amount: 0, endsIn: 0 }
  }

  async spend (caller: string, amount: number): Promise<Spending> {
    const now = this.#expire()
    const own = this.#callers.get(caller) ?? { amount: 0, until: now + this.#window }
    own.amount += amount
    this.#callers.set(caller, own)
    return { amount: own.amount, endsIn: own.until - now }
  }

  /** Forgets windows that have ended, and the oldest when there are too many. All windows are equally long: the first to begin is the first to end. Returns the time. */
  #expire (): number {
    const now = performance.now()
    for (const [caller, { until }] of this.#callers) {
      if (until > now && this.#callers.size < MAX_CALLERS) break
      this.#callers.delete(caller)
    }
    return now
  }
}
