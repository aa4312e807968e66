import { type IntervalHistogram, monitorEventLoopDelay, performance } from 'node:perf_hooks'

/** What a measured process says of itself. */
export interface Usage {
  /** CPU time since its start, user and system, all threads, in microseconds. */
  readonly cpu: number
  readonly memory: NodeJS.MemoryUsage
  /** Its event loop, since it was asked for it last. */
  readonly loop: { /** How late timers are on average, in milliseconds. */ readonly delay: number, /** How much of the time it was busy, 0–1. */ readonly utilization: number }
}

/** What a measured process is asked: to collect garbage first, for its {@link Usage} alone, or to be busy for so many milliseconds in each turn of its event loop. */
export type Question = 'gc' | 'usage' | { readonly busyMs: number }

const RESOLUTION_MS = 10

/**
 * Preloaded (`--import`) into the processes that are measured, so that the product needs no code for it: answers each
 * {@link Question} with a {@link Usage}, and ends the process when whoever started it lets go of it or is gone.
 */
process.on('message', async (question: Question) => {
  if (question === 'gc') {
    globalThis.gc?.()
    // Pages are given back by other threads, a moment later.
    await new Promise(resolve => setTimeout(resolve, 100))
    globalThis.gc?.()
  }
  if (typeof question === 'object') keepBusy(question.busyMs)
  const { user, system } = process.cpuUsage()
  process.send?.({ cpu: user + system, memory: process.memoryUsage(), loop: loopSinceLast() } satisfies Usage)
})
// An exit of its own lets a profiler write what it has (--cpu-prof).
process.once('disconnect', () => process.exit())
// The channel must not keep a process alive that is done.
process.channel?.unref()

let delay: IntervalHistogram | undefined
let utilization = performance.eventLoopUtilization()

function loopSinceLast (): Usage['loop'] {
  const now = performance.eventLoopUtilization()
  const found = { delay: (delay?.mean ?? NaN) / 1e6 - RESOLUTION_MS, utilization: performance.eventLoopUtilization(now, utilization).utilization }
  utilization = now
  // Only where somebody asks: its timer would be a part of what the others measure.
  if (delay) delay.reset()
  return found
}

let busyMs = 0

/** Work of the process's own, of which each turn of the event loop has a part; 0 ends it. */
function keepBusy (ms: number): void {
  if (!delay) {
    delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
    delay.enable()
  }
  const isBusy = busyMs > 0
  busyMs = ms
  if (!isBusy && ms > 0) turn()
}

function turn (): void {
  for (const end = performance.now() + busyMs; performance.now() < end;);
  if (busyMs > 0) setImmediate(turn)
}
