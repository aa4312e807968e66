/** What a caller has spent in its window. */
export interface Spending {
  /** How much, since the window began. */
  readonly amount: number
  /** After how many milliseconds the window ends, and the next begins with nothing spent; 0 when none has begun. */
  readonly endsIn: number
}

/** How much callers have spent, of tokens or of requests: the contract of every implementation, in memory or shared. A caller is a name that is stable for the same one. */
export interface Ledger {
  /** What a caller has spent. */
  spent (caller: string): Promise<Spending>
  /** Adds to what a caller has spent, and says what it is then. The first amount begins its window. */
  spend (caller: string, amount: number): Promise<Spending>
}
