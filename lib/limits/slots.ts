/** Releases a slot. Calls after the first have no effect. */
export type Release = () => void

/** How many slots there are. */
export interface SlotLimits {
  /** In this process. */
  readonly max: number
  /** For one caller. */
  readonly maxPerCaller: number
}

/** Slots for what may only happen so often at once: the contract of every implementation, in memory or shared. */
export interface Slots {
  /** How many slots were taken here and not given back yet. */
  readonly taken: number
  /**
   * Takes a slot for a caller, by a name that is stable for the same one. Rejects with a {@link GatewayError}, and has
   * taken nothing then: `too_many_streams` when the caller has as many as one may, `overloaded` when all are taken.
   */
  acquire (caller: string): Promise<Release>
  /** Ends what keeps the slots up. Slots that are still taken are not given back. */
  close (): void
}
