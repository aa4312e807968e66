/** What a caller has spent in its window. */
export interface Spending {
  /** Tokens, since the window began. */
  readonly tokens: number
  /** After how many milliseconds the window ends, and the next begins with nothing spent; 0 when none has begun. */
  readonly endsIn: number
}

/** How many tokens callers have spent: the contract of every implementation, in memory or shared. A caller is a name that is stable for the same one. */
export interface Ledger {
  /** What a caller has spent. */
  spent (caller: string): Promise<Spending>
  /** Adds to what a caller has spent. The first tokens begin its window. */
  spend (caller: string, tokens: number): Promise<void>
}
