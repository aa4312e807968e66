import { Load } from '../load.ts'
import { type Spread, spread } from '../stats.ts'
import type { Target } from '../target.ts'

/** How the latency is measured. */
export interface LatencySettings {
  readonly rounds: number
  /** Streams per target and round that count, after a ramp-up. */
  readonly streams: number
  readonly perSecond: number
  readonly chunks: number
  readonly everyMs: number
}

/** How long the parts of an answer took to arrive; milliseconds. */
export interface Latency {
  /** From the request to the first chunk of its answer. */
  readonly firstByte: Spread
  /** From the upstream's write of a chunk to its arrival. */
  readonly chunkDelay: Spread
  readonly chunksSent: number
  readonly chunksArrived: number
}

/** Starts streams at a steady rate, one target after the other, several times around, and pools each target's samples. */
export async function latency (targets: readonly Target[], { rounds, streams, perSecond, chunks, everyMs }: LatencySettings): Promise<Map<string, Latency>> {
  const samples = new Map(targets.map(({ name }) => [name, { firstByte: [] as number[], delays: [] as number[], sent: 0, arrived: 0 }]))
  for (let round = 0; round < rounds; round++) {
    for (const target of targets) {
      const load = new Load(target, { chunks, everyMs, bytes: 32 })
      // As many as will ever be open at once, so that the connections for those that count are there.
      const rampUp = Math.ceil(perSecond * chunks * everyMs / 1000 * 1.1)
      await load.start(rampUp, perSecond)
      load.forget()
      await load.start(streams, perSecond)
      await load.done()
      await load.close()
      const all = samples.get(target.name)
      all?.firstByte.push(...load.firstByte)
      all?.delays.push(...load.delays)
      if (all) {
        all.sent += (rampUp + streams) * chunks
        all.arrived += load.chunks
      }
    }
  }
  return new Map([...samples].map(([name, all]) => [name, {
    firstByte: spread(all.firstByte),
    chunkDelay: spread(all.delays),
    chunksSent: all.sent,
    chunksArrived: all.arrived
  }]))
}
