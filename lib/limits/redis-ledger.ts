import { createHash } from 'node:crypto'
import type { SharedRedis } from '../redis/client.ts'
import type { Ledger, Spending } from './budget.ts'
import { MemoryLedger } from './memory-ledger.ts'

/** Counts tokens in a Redis that gateways share. While Redis is lost, each of them goes by what it has counted itself. */
export class RedisLedger implements Ledger {
  readonly #redis: SharedRedis
  readonly #window: number
  readonly #own: MemoryLedger

  /** `window` is in milliseconds. */
  constructor (redis: SharedRedis, window: number) {
    this.#redis = redis
    this.#window = window
    this.#own = new MemoryLedger(window)
  }

  async spent (caller: string): Promise<Spending> {
    return await this.#ask(async commands => {
      const key = this.#keyOf(caller)
      const [tokens, endsIn] = await Promise.all([commands.get(key), commands.pttl(key)])
      return { tokens: Number(tokens), endsIn: Math.max(0, endsIn) }
    }) ?? await this.#own.spent(caller)
  }

  async spend (caller: string, tokens: number): Promise<void> {
    await this.#own.spend(caller, tokens)
    const key = this.#keyOf(caller)
    // In one transaction, within which no key expires: a count without an end would never be forgotten.
    await this.#ask(commands => commands.multi().set(key, 0, 'PX', this.#window, 'NX').incrby(key, tokens).exec())
  }

  async #ask<Result> (question: (commands: SharedRedis['commands']) => Promise<Result>): Promise<Result | undefined> {
    return this.#redis.up ? await question(this.#redis.commands).catch(() => undefined) : undefined
  }

  /** A digest in the place of the caller, whose name is nobody's business who looks at the keys. */
  #keyOf (caller: string): string {
    return `${this.#redis.prefix}tokens:${createHash('sha256').update(caller).digest('base64url')}`
  }
}
