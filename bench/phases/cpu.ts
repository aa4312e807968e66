import { Load } from '../load.ts'
import { median } from '../stats.ts'
import type { Target } from '../target.ts'

/** How the CPU time of relaying is measured. */
export interface CpuSettings {
  readonly rounds: number
  /** Streams that are open at once. */
  readonly streams: number
  readonly everyMs: number
  /** Chunks per target and round. */
  readonly chunks: number
  /** Requests per target and round. */
  readonly requests: number
  readonly requestsPerSecond: number
}

/** What relaying costs; microseconds of CPU time, one value a round. */
export interface Cpu {
  /** Of a chunk in the middle of a stream. */
  readonly perChunk: readonly number[]
  /** Of a whole request whose answer is a single chunk. */
  readonly perRequest: readonly number[]
  readonly chunksPerSecond: number
  /** Share of the chunks that arrived on the heels of the one before and may have been relayed together with it. */
  readonly bunched: number
}

/** Measures every relay in turn, several times around, so that a change of the machine's mood meets all of them. */
export async function cpu (targets: readonly Target[], settings: CpuSettings): Promise<Map<string, Cpu>> {
  const rounds: Array<{ name: string, perChunk: number, perRequest: number, chunksPerSecond: number, bunched: number }> = []
  for (let round = 0; round < settings.rounds; round++) {
    // Every other round goes backwards: no target is always the one that follows a certain other.
    for (const target of round % 2 ? targets.toReversed() : targets) {
      rounds.push({ name: target.name, ...await chunkCost(target, settings), perRequest: await requestCost(target, settings) })
    }
  }
  return new Map(targets.map(({ name }) => {
    const own = rounds.filter(round => round.name === name)
    return [name, {
      perChunk: own.map(({ perChunk }) => perChunk),
      perRequest: own.map(({ perRequest }) => perRequest),
      chunksPerSecond: median(own.map(({ chunksPerSecond }) => chunksPerSecond)),
      bunched: median(own.map(({ bunched }) => bunched))
    }]
  }))
}

/** Counts from when all streams are answering, so that no beginning and no end of a stream is in it. */
async function chunkCost (target: Target, { streams, everyMs, chunks }: CpuSettings): Promise<{ perChunk: number, chunksPerSecond: number, bunched: number }> {
  const load = new Load(target, { chunks: Number.MAX_SAFE_INTEGER, everyMs, bytes: 32 })
  // Spread over a few intervals, so that the streams take turns instead of coming in a burst.
  await load.start(streams, streams / (everyMs / 1000) / 5)
  await load.answering()
  const before = { cpu: (await target.child.usage()).cpu, chunks: load.chunks, bunched: load.bunched, time: performance.now() }
  await load.more(chunks)
  const after = await target.child.usage()
  const seconds = (performance.now() - before.time) / 1000
  const count = load.chunks - before.chunks
  await load.close()
  return { perChunk: (after.cpu - before.cpu) / count, chunksPerSecond: count / seconds, bunched: (load.bunched - before.bunched) / count }
}

async function requestCost (target: Target, { requests, requestsPerSecond }: CpuSettings): Promise<number> {
  const load = new Load(target, { chunks: 1, everyMs: 1, bytes: 32 })
  // Connections are made before, and kept.
  await load.start(requests / 10, requestsPerSecond)
  await load.done()
  const before = await target.child.usage()
  await load.start(requests, requestsPerSecond)
  await load.done()
  const after = await target.child.usage()
  await load.close()
  return (after.cpu - before.cpu) / requests
}
