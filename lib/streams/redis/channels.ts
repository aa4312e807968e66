import { GatewayError } from '../../errors.ts'
import type { SharedRedis } from '../../redis/client.ts'

/** The channels that this process listens to, over one connection. */
export class Channels {
  readonly #redis: SharedRedis
  readonly #listeners = new Map<string, (message: Buffer) => void>()
  readonly #heard = (channel: Buffer, message: Buffer): void => this.#listeners.get(channel.toString())?.(message)

  constructor (redis: SharedRedis) {
    this.#redis = redis
    redis.subscriber.on('messageBuffer', this.#heard)
  }

  /** Listens to a channel. Rejects with a {@link GatewayError} `store_unavailable` when Redis does not do it. */
  async listen (name: string, listener: (message: Buffer) => void): Promise<void> {
    const channel = this.#redis.prefix + name
    this.#listeners.set(channel, listener)
    try {
      await this.#redis.subscriber.subscribe(channel)
    } catch {
      throw new GatewayError('store_unavailable')
    }
  }

  leave (name: string): void {
    const channel = this.#redis.prefix + name
    this.#listeners.delete(channel)
    // A connection that is lost listens to nothing, and hears in vain what nobody listens to.
    this.#redis.subscriber.unsubscribe(channel).catch(() => {})
  }

  close (): void {
    this.#redis.subscriber.off('messageBuffer', this.#heard)
  }
}
