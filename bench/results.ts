import type { ConversationCost } from './phases/conversation.ts'
import type { Cpu } from './phases/cpu.ts'
import type { Disconnect } from './phases/disconnect.ts'
import type { Latency } from './phases/latency.ts'
import type { Lateness } from './phases/lateness.ts'
import type { Memory } from './phases/memory.ts'
import type { RecordingMemory } from './phases/recordings.ts'
import type { Spread } from './stats.ts'
import type { Settings } from './settings.ts'

/** What a run has found, as `bench/results/latest.json` has it. */
export interface Results {
  readonly date: string
  readonly machine: { readonly cpu: string, readonly cores: number, readonly memoryGiB: number, readonly node: string, readonly loadAverage: number }
  readonly settings: Settings
  readonly targets: readonly TargetResults[]
  /** What recorded answers take of the process's memory, by the size of their chunks. */
  readonly recordings: readonly RecordingMemory[]
  /** What the tenth turn of a conversation sends to a model, folded and kept. */
  readonly conversations: readonly ConversationCost[]
  /** What it costs the gateway that all readers leave at once; nothing where the variant `gateway` is not measured. */
  readonly disconnect?: Disconnect
  /** What readers see of a gateway that has too much to do, and of one that others leave no time; nothing without `gateway`, too. */
  readonly lateness?: readonly Lateness[]
  readonly busy: readonly Busy[]
  readonly verdicts: readonly Verdict[]
}

/** What was found of one target. `direct` relays nothing, so that there is no cost of it. */
export interface TargetResults {
  readonly name: string
  readonly latency: Latency
  readonly cpu?: Cpu
  readonly memory?: Memory
  /** To the first byte of an answer that it has recorded, in milliseconds. */
  readonly resume?: Spread
}

/** How much of a core the other processes took, 0–1: near 1, they and not the targets are what was measured. */
export interface Busy {
  readonly phase: string
  readonly generator: number
  readonly upstream: number
}

/** One thing that is to be reached, and whether it was. */
export interface Verdict {
  readonly target: string
  readonly wanted: string
  readonly found: string
  readonly reached: boolean
}
