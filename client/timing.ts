/** When the client reconnects. Durations in milliseconds. */
export interface ReconnectOptions {
  /** How many tries in a row may fail before the client gives up; a new piece of the answer resets the count. Default 10; 0: never reconnect. */
  readonly tries?: number
  /** How long to wait before the first try. The wait doubles with each further try and is shortened by a random part of up to a half. Default 500. */
  readonly delay?: number
  /** The longest wait; it also bounds a `Retry-After`. Default 10,000. */
  readonly maxDelay?: number
  /**
   * How long a connection may be silent before it counts as lost. The gateway's `SSE_HEARTBEAT_MS` must be at most half of it.
   * Default 45,000.
   */
  readonly silence?: number
}

/** How long to wait before the try number `tries` from 0 on, in milliseconds. */
export function backoff (tries: number, delay: number, maxDelay: number, retryAfter = 0): number {
  const wait = Math.min(maxDelay, delay * 2 ** tries)
  // Jitter: pages that lost the same gateway at the same time should not all reconnect at the same time.
  return Math.max(wait * (1 - Math.random() / 2), Math.min(maxDelay, retryAfter * 1000))
}

/** The global object. In a browser it has an `online` event; in Node it has no events. */
interface Host extends Partial<Pick<EventTarget, 'addEventListener' | 'removeEventListener'>> {
  readonly setTimeout: unknown
}

/** A wait that can be ended early. It also ends when the browser reports that the network is back. */
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

/** How often the watchdog checks within the longest silence. */
const LOOKS = 15

/**
 * Calls `onSilent` when `alive` was not called for `silence` milliseconds. After the page was suspended, the time asleep counts only
 * if `hasty()` is true, and `onSilent` is then called at once. Otherwise the time asleep does not count, because data that arrived
 * meanwhile may still have to be read.
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
