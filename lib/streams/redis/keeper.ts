import type { Keeper } from '../memory/recording.ts'

const nothing = (): void => {}

/** The keeper of a recording whose room is accounted for in Redis. `taken` is told what each part costs. */
export function keeperOf (maxRecordingBytes: number, taken: (cost: number) => void): Keeper {
  const take = (_: unknown, cost: number): boolean => {
    taken(cost)
    return true
  }
  return { maxRecordingBytes, take, give: nothing, drop: nothing, over: nothing }
}
