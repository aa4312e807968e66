import { createHash } from 'node:crypto'
import { GatewayError } from '../../errors.ts'
import type { SharedRedis } from '../../redis/client.ts'
import { SCRIPT } from './script.ts'

const SHA1 = createHash('sha1').update(SCRIPT).digest('hex')

/** How many entries of a journal are read at once. */
const PAGE = 256

/** Bounds of the recordings of a Redis. */
export interface RecordingBounds {
  /** How long a recording is kept after its end, in milliseconds. */
  readonly ttl: number
  /** How many bytes all recordings may cost together, including those in progress. */
  readonly maxBytes: number
  /** How long a lease lasts that nobody renews, in milliseconds. */
  readonly lease: number
}

/** What a write came to: `stop` when it is done and a stop is asked for, `dropped` when the store does not keep the recording, `lost` when somebody else holds it. */
export type Outcome = 'written' | 'stop' | 'dropped' | 'lost'

/** Where a recording stands: `lost` when it is not over and nobody writes it. */
export type State = 'gone' | 'live' | 'over' | 'lost'

/** What is written to one recording. */
export interface Write {
  readonly id: string
  readonly holder: string
  readonly owner: string
  /** What to do besides: renew the lease, end the recording, or end it and free its key. */
  readonly what: '' | 'renew' | 'end' | 'free'
  /** How much room it takes, in bytes. */
  readonly cost: number
  readonly entries: readonly Buffer[]
}

/** What is said of a new recording. Empty names are none; all are digests. */
export interface Creation {
  readonly owner: string
  readonly id: string
  readonly holder: string
  readonly chat: string
  readonly key: string
  readonly question: string
}

/** The operations of the script, and what is only read. Each rejects with a {@link GatewayError} `store_unavailable` when Redis does not do it. */
export class Commands {
  readonly #redis: SharedRedis
  readonly #bounds: readonly [number, number, number]

  constructor (redis: SharedRedis, { ttl, lease, maxBytes }: RecordingBounds) {
    this.#redis = redis
    this.#bounds = [ttl, lease, maxBytes]
  }

  async create ({ owner, id, holder, chat, key, question }: Creation): Promise<{ outcome: 'created' | 'found' | 'mismatch' | 'full', id: string }> {
    const [outcome, there] = await this.#run<['created' | 'found' | 'mismatch' | 'full', string]>('create', owner, id, holder, chat, key, question)
    return { outcome, id: there }
  }

  async write (writes: readonly Write[]): Promise<Outcome[]> {
    return await this.#run('write', ...writes.flatMap(({ id, holder, owner, what, cost, entries }) => [id, holder, owner, what, cost, entries.length, ...entries]))
  }

  /** Where recordings stand, and how many entries their journals have; tells their writers how many read them in this process. */
  async look (replica: string, readers: ReadonlyArray<readonly [id: string, readers: number]>): Promise<Array<readonly [State, number]>> {
    return await this.#run('look', replica, ...readers.flat())
  }

  async stop (id: string): Promise<State> {
    return await this.#run('stop', id)
  }

  async lose (id: string, entry: Buffer): Promise<void> {
    await this.#run('lose', id, entry)
  }

  async running (chat: string): Promise<string | undefined> {
    return await this.#run<string | null>('running', chat) ?? undefined
  }

  async ownerOf (id: string): Promise<string | undefined> {
    return await this.#asked(async () => await this.#redis.commands.hget(this.#key('r', id), 'o') ?? undefined)
  }

  async keyed (key: string): Promise<string | undefined> {
    return await this.#asked(async () => (await this.#redis.commands.get(this.#key('k', key)))?.split(' ')[0])
  }

  /** The next entries of a journal; fewer than {@link PAGE} when these are all. */
  async entries (id: string, from: number): Promise<Buffer[]> {
    return await this.#asked(async () => await this.#redis.commands.lrangeBuffer(this.#key('p', id), from, from + PAGE - 1))
  }

  #key (kind: 'r' | 'k' | 'p', name: string): string {
    return `${this.#redis.prefix}${kind}:${name}`
  }

  /** The script is of this program alone, so that the types of its replies are known. */
  async #run<Reply> (operation: string, ...args: ReadonlyArray<string | number | Buffer>): Promise<Reply> {
    const all = [operation, this.#redis.prefix, ...this.#bounds, ...args]
    return await this.#asked(async () => {
      try {
        return await this.#redis.commands.evalsha(SHA1, 0, ...all) as Reply
      } catch (error) {
        // Redis forgets scripts when it starts anew.
        if (!String(error).includes('NOSCRIPT')) throw error
        return await this.#redis.commands.eval(SCRIPT, 0, ...all) as Reply
      }
    })
  }

  async #asked<T> (ask: () => Promise<T>): Promise<T> {
    // A Redis that is known to be lost is not asked, however many want it.
    if (!this.#redis.up) throw new GatewayError('store_unavailable')
    // The error is not the cause: it has the arguments of the command.
    return await ask().catch(() => { throw new GatewayError('store_unavailable') })
  }
}
