import { readFileSync } from 'node:fs'
import type { CpuSettings } from './phases/cpu.ts'
import type { DisconnectSettings } from './phases/disconnect.ts'
import type { LatencySettings } from './phases/latency.ts'
import type { LatenessSettings } from './phases/lateness.ts'
import type { MemorySettings } from './phases/memory.ts'
import type { RecordingsSettings } from './phases/recordings.ts'
import type { ResumeSettings } from './phases/resume.ts'

/** How much is measured. */
export interface Settings {
  /** Requests to each target before anything is measured, so that its code is compiled. */
  readonly warmUp: number
  readonly latency: LatencySettings
  readonly cpu: CpuSettings
  readonly memory: MemorySettings
  readonly resume: ResumeSettings
  readonly recordings: RecordingsSettings
  readonly disconnect: DisconnectSettings
  readonly lateness: LatenessSettings
}

/** A run to draw conclusions from. */
export const full: Settings = {
  warmUp: 600,
  // 23 ms, so that the chunks of streams that start every 20 ms do not fall together.
  latency: { rounds: 3, streams: 100, perSecond: 50, chunks: 20, everyMs: 23 },
  // Many short rounds: on a machine with other work, one of them may be off by half, and the median is not.
  cpu: { rounds: 13, streams: 80, everyMs: 20, chunks: 5000, requests: 400, requestsPerSecond: 300 },
  memory: { streams: 1000, perSecond: 500, warmUp: 500, settleMs: 1500 },
  resume: { readings: 200, bytes: 100_000 },
  recordings: { bytes: 16_000_000, chunks: [1, 4, 64, 4096] },
  disconnect: { readers: 1600, warmUp: 500, watchMs: 3000 },
  // The pace of a quick model. The process looks at itself once a second, and wants to see it twice.
  lateness: { streams: 50, everyMs: 40, warmUp: 500, busyMs: [0, 50, 100, 250, 500, 1000, 2000], competitors: [2, 4, 8], settleMs: 4000, watchMs: 8000 }
}

/** A run that shows that everything works; its numbers say little. */
export const quick: Settings = {
  warmUp: 20,
  latency: { rounds: 1, streams: 20, perSecond: 50, chunks: 5, everyMs: 10 },
  cpu: { rounds: 1, streams: 20, everyMs: 20, chunks: 400, requests: 50, requestsPerSecond: 200 },
  memory: { streams: 100, perSecond: 500, warmUp: 20, settleMs: 100 },
  resume: { readings: 20, bytes: 100_000 },
  recordings: { bytes: 1_000_000, chunks: [4, 4096] },
  disconnect: { readers: 100, warmUp: 20, watchMs: 200 },
  lateness: { streams: 10, everyMs: 20, warmUp: 20, busyMs: [0, 50], competitors: [1], settleMs: 100, watchMs: 300 }
}

/** Fewer open streams where the process may not have the file descriptors for them: a relay needs two for each. */
export function withinLimits (settings: Settings): Settings {
  const most = Math.floor((openFiles() - 100) / 2)
  const { memory, disconnect } = settings
  return {
    ...settings,
    memory: { ...memory, streams: Math.min(memory.streams, most) },
    disconnect: { ...disconnect, readers: Math.min(disconnect.readers, most) }
  }
}

/** The hard limit, which Node raises its own limit to at start (Linux; elsewhere the limit is taken to be out of reach). */
function openFiles (): number {
  try {
    return Number(/^Max open files\s+\S+\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? Infinity)
  } catch {
    return Infinity
  }
}
