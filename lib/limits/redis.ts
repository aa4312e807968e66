import { randomUUID } from 'node:crypto'
import { GatewayError } from '../errors.ts'
import type { SharedRedis } from '../redis/client.ts'
import { MemorySlots } from './memory.ts'
import { sharedKey } from './shared-key.ts'
import type { Release, SlotLimits, Slots } from './slots.ts'

/** How long the lease of a slot lasts, and how often it is renewed, in milliseconds. */
export interface LeaseTimes { readonly lease: number, readonly renewal: number }

/** Slots of a process that was killed are free again after a lease; two renewals in a row may fail. */
const LEASE_TIMES: LeaseTimes = { lease: 12_000, renewal: 3_000 }

/** The time is that of Redis, so that the clocks of gateways need not agree. */
const NOW = "local time = redis.call('TIME') local now = time[1] * 1000 + math.floor(time[2] / 1000)"

/** Takes a slot for a caller, unless as many as one may have are leased: KEYS[1] has the leases by their end, ARGV is the name of the lease, its duration, and the limit. */
const TAKE = `${NOW}
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[3]) then return 0 end
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1`

/** Renews the lease ARGV[i + 1] in KEYS[i] for each i; ARGV[1] is the duration. One that Redis has lost is taken again: its answer goes on. */
const RENEW = `${NOW}
for i, key in ipairs(KEYS) do
  redis.call('ZADD', key, now + ARGV[1], ARGV[i + 1])
  redis.call('PEXPIRE', key, ARGV[1])
end`

/**
 * Slots whose limit for one caller holds for all processes that share a Redis; the limit of the process is its own. While Redis is
 * lost, each process limits its callers by what it has given out itself, and what it has given out counts for all when Redis is back.
 */
export class RedisSlots implements Slots {
  readonly #redis: SharedRedis
  readonly #name: string
  readonly #maxPerCaller: number
  readonly #times: LeaseTimes
  readonly #own: MemorySlots
  /** The leases that are held here, with the key that each is in. */
  readonly #leases = new Map<string, string>()
  readonly #renewing: NodeJS.Timeout
  readonly #renew = (): void => {
    if (this.#leases.size > 0) this.#send(commands => commands.eval(RENEW, this.#leases.size, ...this.#leases.values(), this.#times.lease, ...this.#leases.keys()))
  }

  /** `name` distinguishes the slots from others that the same processes share. */
  constructor (redis: SharedRedis, name: string, limits: SlotLimits, times = LEASE_TIMES) {
    this.#redis = redis
    this.#name = name
    this.#maxPerCaller = limits.maxPerCaller
    this.#times = times
    this.#own = new MemorySlots(limits)
    this.#renewing = setInterval(() => { if (redis.up) this.#renew() }, times.renewal).unref()
    // A Redis that was restarted may have lost them. It counts as up only after this, so that they are there before anybody here asks for a slot.
    redis.commands.on('ready', this.#renew)
  }

  get taken (): number { return this.#own.taken }

  async acquire (caller: string): Promise<Release> {
    // What one process cannot give is not asked for: a caller's flood does not reach Redis.
    const release = await this.#own.acquire(caller)
    const lease = randomUUID()
    const key = sharedKey(this.#redis.prefix, `slots:${this.#name}`, caller)
    if (!await this.#take(key, lease)) {
      release()
      throw new GatewayError('too_many_streams', { detail: `${this.#maxPerCaller} may be open` })
    }
    this.#leases.set(lease, key)
    return () => {
      release()
      if (this.#leases.delete(lease) && this.#redis.up) this.#send(commands => commands.zrem(key, lease))
    }
  }

  close (): void {
    clearInterval(this.#renewing)
    this.#redis.commands.off('ready', this.#renew)
  }

  async #take (key: string, lease: string): Promise<boolean> {
    if (!this.#redis.up) return true
    // Without a reply nobody knows whether it was taken: it is held, and given back, as if it was.
    return await this.#redis.commands.eval(TAKE, 1, key, lease, this.#times.lease, this.#maxPerCaller).then(taken => taken === 1, () => true)
  }

  /** Sends what nobody waits for. One that does not arrive is made up for by the next renewal, or by the end of the lease. */
  #send (command: (commands: SharedRedis['commands']) => Promise<unknown>): void {
    command(this.#redis.commands).catch(() => {})
  }
}
