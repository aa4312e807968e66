import { type IntervalHistogram, monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { getHeapStatistics } from 'node:v8'

/** When a process has too much to do. */
export interface PressureLimits {
  /** How late timers may be, on average over a look, in milliseconds. */
  readonly delay: number
  /** How much of the heap may be in use, from 0 to 1. */
  readonly heap: number
  /** How often to look, in milliseconds. */
  readonly interval: number
}

/** What of a logger is used. */
export interface PressureLog { error (fields: { readonly err: unknown }, message: string): void }

/** How busy the event loop has to be, as a share of the time, before its delay counts: on a machine that other programs keep busy, refusing answers would not help. */
const OWN_DOING = 0.9
/** How late the timer of the histogram is when nothing is, in milliseconds: its own resolution. */
const RESOLUTION_MS = 10

/**
 * Tells whether this process is behind with its work, or near the end of its heap. It looks at intervals, and two looks in a row
 * have to say so: one pause, of a start or a garbage collection, is no pressure. Nothing that it reads opens a file, so that it
 * goes on when there are no descriptors left (`process.memoryUsage()` would throw).
 */
export class Pressure {
  readonly #limits: PressureLimits
  readonly #log: PressureLog
  readonly #delay: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  #utilization = performance.eventLoopUtilization()
  #looks = 0
  #timer: NodeJS.Timeout | undefined

  /** What gives memory back when the heap is fuller than it may be, before anything is refused for it. */
  readonly reliefs: Array<() => void> = []

  /** `log` is told what a relief threw, which ends nothing. */
  constructor (limits: PressureLimits, log: PressureLog) {
    this.#limits = limits
    this.#log = log
  }

  /** True while new work should be refused. */
  get isHigh (): boolean { return this.#looks >= 2 }

  /** Starts to look; keeps no process alive. */
  start (): void {
    this.#delay.enable()
    this.#timer = setInterval(() => this.#look(), this.#limits.interval).unref()
  }

  stop (): void {
    this.#delay.disable()
    clearInterval(this.#timer)
  }

  #look (): void {
    const now = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(now, this.#utilization)
    this.#utilization = now
    // There is no mean (NaN) when the histogram's timer did not fire twice since the last look: a loop that is so late.
    const late = !(this.#delay.mean / 1e6 - RESOLUTION_MS <= this.#limits.delay) && utilization > OWN_DOING
    this.#delay.reset()
    const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics()
    const full = used > limit * this.#limits.heap
    if (full) this.#relieve()
    this.#looks = late || full ? this.#looks + 1 : 0
  }

  #relieve (): void {
    for (const giveBack of this.reliefs) {
      try {
        giveBack()
      } catch (err) {
        this.#log.error({ err }, 'memory could not be given back')
      }
    }
  }
}
