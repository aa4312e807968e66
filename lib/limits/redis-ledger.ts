import type { SharedRedis } from '../redis/client.ts'
import type { Ledger, Spending } from './ledger.ts'
import { MemoryLedger } from './memory-ledger.ts'
import { sharedKey } from './shared-key.ts'

/** Adds ARGV[2] to what KEYS[1] has, which begins a window of ARGV[1] ms when it has nothing. No key is ever without an end: it would never be forgotten. */
const SPEND = `
redis.call('SET', KEYS[1], 0, 'PX', ARGV[1], 'NX')
return { redis.call('INCRBY', KEYS[1], ARGV[2]), redis.call('PTTL', KEYS[1]) }`

/** Counts in a Redis that gateways share. While Redis is lost, each of them goes by what it has counted itself. */
export class RedisLedger implements Ledger {
  readonly #redis: SharedRedis
  readonly #name: string
  readonly #window: number
  readonly #own: MemoryLedger

  /** `name` distinguishes it from others that the same processes share; `window` is in milliseconds. */
  constructor (redis: SharedRedis, name: string, window: number) {
    this.#redis = redis
    this.#name = name
    this.#window = window
    this.#own = new MemoryLedger(window)
  }

  async spent (caller: string): Promise<Spending> {
    return await this.#ask(caller, async (commands, key) => {
      const [amount, endsIn] = await Promise.all([commands.get(key), commands.pttl(key)])
      return { amount: Number(amount), endsIn: Math.max(0, endsIn) }
    }) ?? await this.#own.spent(caller)
  }

  async spend (caller: string, amount: number): Promise<Spending> {
    const own = await this.#own.spend(caller, amount)
    return await this.#ask(caller, async (commands, key) => {
      const [all, endsIn] = await commands.eval(SPEND, 1, key, this.#window, amount) as [number, number]
      return { amount: all, endsIn }
    }) ?? own
  }

  async #ask (caller: string, question: (commands: SharedRedis['commands'], key: string) => Promise<Spending>): Promise<Spending | undefined> {
    if (!this.#redis.up) return undefined
    return await question(this.#redis.commands, sharedKey(this.#redis.prefix, this.#name, caller)).catch(() => undefined)
  }
}
