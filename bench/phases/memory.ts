import { setTimeout as sleep } from 'node:timers/promises'
import type { Child } from '../child.ts'
import { Load, warmUp } from '../load.ts'
import type { Start, Target } from '../target.ts'

/** How the memory of open streams is measured. */
export interface MemorySettings {
  /** Streams that are open at once. */
  readonly streams: number
  readonly perSecond: number
  /** Requests before the baseline, so that code is compiled and pools are filled. */
  readonly warmUp: number
  /** How long the streams are open before memory is looked at, in milliseconds. */
  readonly settleMs: number
}

/** What an open stream holds, in bytes, after a garbage collection. */
export interface Memory {
  readonly streams: number
  /** Resident memory of the process. */
  readonly rss: number
  /** JavaScript objects. */
  readonly heap: number
  /** Buffers outside of the JavaScript heap. */
  readonly external: number
  /** Resident memory of the process before the streams were opened; not per stream. */
  readonly baseline: number
}

/**
 * Measures each relay in a new process, whose memory no earlier load has grown. The warm-up has few streams at a time:
 * memory that a thousand streams once took would be taken again without a trace.
 */
export async function memory (starts: readonly Start[], upstream: Child, settings: MemorySettings): Promise<Map<string, Memory>> {
  const found = new Map<string, Memory>()
  for (const start of starts) {
    const target = await start(upstream)
    try {
      found.set(target.name, await measure(target, settings))
    } finally {
      await target.child.stop()
    }
  }
  return found
}

async function measure (target: Target, { streams, perSecond, warmUp: requests, settleMs }: MemorySettings): Promise<Memory> {
  await warmUp(target, requests)
  const before = (await target.child.settled()).memory

  const load = new Load(target, { chunks: Number.MAX_SAFE_INTEGER, everyMs: 1000, bytes: 32 })
  await load.start(streams, perSecond)
  await load.answering()
  await sleep(settleMs)
  const after = (await target.child.settled()).memory
  await load.close()

  const perStream = (key: 'rss' | 'heapUsed' | 'external') => (after[key] - before[key]) / streams
  return { streams, rss: perStream('rss'), heap: perStream('heapUsed'), external: perStream('external'), baseline: before.rss }
}
