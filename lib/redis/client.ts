import type { Redis, RedisOptions } from 'ioredis'
import { sanitize } from '../redact.ts'

/** The Redis that several gateways share. */
export interface SharedRedis {
  /**
   * For commands. One that gets no reply rejects, after {@link SILENCE_MS} at the latest; one that is given while there is no connection
   * rejects at once; none is sent twice.
   */
  readonly commands: Redis
  /** For subscriptions, which it renews by itself after a loss. */
  readonly subscriber: Redis
  /** What every key and every channel has to begin with. */
  readonly prefix: string
  /** Whether Redis answers and takes writes, as far as is known. While it is false, nobody should ask it anything. */
  readonly up: boolean
  /** Closes the connections. */
  close (): Promise<void>
}

/** Where Redis is, and what the keys in it begin with. */
export interface RedisAddress { readonly url: string, readonly prefix: string }

/** What is said of Redis, once for each change; a Redis that is not there at first is lost. The reason has no credentials. */
export interface RedisNews {
  lost (reason: string): void
  back (): void
}

/** How long a silent Redis may owe a reply, in milliseconds: then the connection is given up, and with it every command that waits for one. */
export const SILENCE_MS = 2_000

/** How often Redis is asked whether it is there, in milliseconds. */
const PROBE_MS = 1_000

const CLOSED = 'the connection was closed'

const OPTIONS: RedisOptions = {
  connectionName: 'copilot-stream-gateway',
  // Redis 7.0 does not know the command.
  disableClientInfo: true,
  connectTimeout: SILENCE_MS,
  socketTimeout: SILENCE_MS,
  // For a Redis that replies to others, and not to this one.
  commandTimeout: SILENCE_MS + 500,
  // Nothing waits for a Redis that is down, and nothing is written twice because its reply was lost.
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  retryStrategy: times => Math.min(50 * 2 ** times, 2_000) + Math.random() * 200
}

/**
 * Connects to Redis, and connects again for as long as it takes whenever the connection is lost. Resolves once it is known whether
 * Redis is there; never rejects because it is not.
 */
export async function connectRedis ({ url, prefix }: RedisAddress, { lost, back }: RedisNews): Promise<SharedRedis> {
  // Who has no Redis does not load what speaks to it.
  const { Redis, ReplyError } = await import('ioredis')
  const commands = new Redis(url, OPTIONS)
  const subscriber = new Redis(url, OPTIONS)
  let up: boolean | undefined
  let closed = false
  let reason = CLOSED
  let known: (() => void) | undefined

  const mark = (now: boolean): void => {
    if (closed || now === up) return
    if (!now) lost(reason)
    else if (up === false) back()
    up = now
    known?.()
    reason = CLOSED
  }
  /** A write that writes nothing: a Redis that is out of memory, or a replica, refuses it as it would refuse any other. */
  const probe = async (): Promise<void> => {
    try {
      await Promise.all([commands.set(`${prefix}probe`, '', 'PX', 1, 'XX'), subscriber.ping()])
      mark(true)
    } catch (error) {
      // A connection that is lost has said why.
      if (error instanceof ReplyError) reason = sanitize(String(error))
      mark(false)
    }
  }
  for (const connection of [commands, subscriber]) {
    connection.on('error', error => { reason = explain(error) })
    connection.on('close', () => mark(false))
    connection.on('ready', () => { if (commands.status === 'ready' && subscriber.status === 'ready') void probe() })
  }
  await new Promise<void>(resolve => { known = resolve })
  const probing = setInterval(() => { void probe() }, PROBE_MS).unref()

  return {
    commands,
    subscriber,
    prefix,
    get up () { return up === true },
    async close () {
      closed = true
      clearInterval(probing)
      commands.disconnect()
      subscriber.disconnect()
    }
  }
}

/** The code of an error of the network, or the words of Redis. Nothing else of an error may be shown: it holds the command, with its arguments. */
function explain (error: Error): string {
  return sanitize('code' in error ? String(error.code) : error.message)
}
