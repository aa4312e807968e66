/** How patient the client is with a connection. Durations in milliseconds. */
export interface ReconnectOptions {
  /** How often in a row it may fail before the client gives up; every new piece of the answer begins a new row. Default 10; 0: never reconnect. */
  readonly tries?: number
  /** How long to wait before the first try; twice as long before each one after it, less a random part of up to a half. Default 500. */
  readonly delay?: number
  /** The longest wait, of a `Retry-After` as well. Default 10,000. */
  readonly maxDelay?: number
  /**
   * How long a connection may say nothing at all before it counts as lost; the gateway's `SSE_HEARTBEAT_MS` must be shorter,
   * by half at least. Default 45,000.
   */
  readonly silence?: number
}

/** How long to wait before the try number `tries` from 0 on, in milliseconds. */
export function backoff (tries: number, delay: number, maxDelay: number, retryAfter = 0): number {
  const wait = Math.min(maxDelay, delay * 2 ** tries)
  // Jitter: pages that lost the same gateway at the same time should not all be back at the same time.
  return Math.max(wait * (1 - Math.random() / 2), Math.min(maxDelay, retryAfter * 1000))
}

/** The global object: that of a browser tells when the network is back, that of Node has no events. */
interface Host extends Partial<Pick<EventTarget, 'addEventListener' | 'removeEventListener'>> {
  readonly setTimeout: unknown
}

/** A wait that can be ended early. It ends by itself when a browser says that the network is back. */
export function pause (duration: number): { readonly over: Promise<void>, readonly end: () => void } {
  const host: Host = globalThis
  let end!: () => void
  const over = new Promise<void>(resolve => {
    end = () => {
      clearTimeout(timer)
      host.removeEventListener?.('online', end)
      resolve()
    }
    const timer = setTimeout(end, duration)
    host.addEventListener?.('online', end)
  })
  return { over, end }
}

/** How many times within the longest silence the watchdog looks. */
const LOOKS = 15

/**
 * Calls `onSilent` when `alive` was not called for `silence` milliseconds. A page that was asleep finds out when it wakes up:
 * where `hasty()` is true, by the clock and so at once; else it looks on for as long as if it had been awake,
 * because what arrived in the meantime is yet to be read.
 */
export function watchdog (silence: number, hasty: () => boolean, onSilent: () => void): { readonly alive: () => void, readonly end: () => void } {
  let looks = 0
  let heard = Date.now()
  const timer = setInterval(() => {
    if (++looks > LOOKS || (hasty() && Date.now() - heard > silence)) onSilent()
  }, silence / LOOKS)
  return {
    alive: () => {
      looks = 0
      heard = Date.now()
    },
    end: () => clearInterval(timer)
  }
}
