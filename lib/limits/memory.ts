import { GatewayError } from '../errors.ts'
import type { Release, SlotLimits, Slots } from './slots.ts'

/** Counts slots in the memory of this process. */
export class MemorySlots implements Slots {
  readonly #limits: SlotLimits
  /** Those who have a slot, and nobody else: it must not grow with everybody who ever had one. */
  readonly #callers = new Map<string, { taken: number }>()
  #taken = 0

  constructor (limits: SlotLimits) {
    this.#limits = limits
  }

  get taken (): number { return this.#taken }

  /** How many callers have a slot now. */
  get callers (): number { return this.#callers.size }

  async acquire (caller: string): Promise<Release> {
    const { max, maxPerCaller } = this.#limits
    const own = this.#callers.get(caller) ?? { taken: 0 }
    if (own.taken >= maxPerCaller) throw new GatewayError('too_many_streams', { detail: `${maxPerCaller} may be open` })
    if (this.#taken >= max) throw new GatewayError('overloaded', { detail: 'as many answers are open as it can carry' })
    this.#callers.set(caller, own)
    own.taken++
    this.#taken++

    let held = true
    return () => {
      if (!held) return
      held = false
      this.#taken--
      if (--own.taken === 0) this.#callers.delete(caller)
    }
  }

  close (): void {}
}
