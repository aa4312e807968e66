import { createHash } from 'node:crypto'
import { GatewayError } from '../../errors.ts'
import type { SharedRedis } from '../../redis/client.ts'
import { newId } from '../memory/recording.ts'
import type { Claim, IdempotencyKey, LiveRecording, Names, Recording, RecordingStore, Writer } from '../recording.ts'
import { Channels } from './channels.ts'
import { Commands } from './commands.ts'
import { contentOf, encode } from './entries.ts'
import { Followers } from './followers.ts'
import { HeldRecording, type Holder } from './held.ts'
import { Journal } from './journal.ts'

/** Bounds of a store in Redis; all processes that share it need the same. */
export interface RedisStoreOptions {
  readonly redis: SharedRedis
  /** How long a recording is kept after its end, in milliseconds. */
  readonly ttl: number
  /** How many bytes all recordings may cost together, including those in progress. */
  readonly maxBytes: number
  /** How many bytes one recording may cost. */
  readonly maxRecordingBytes: number
  /** After how long a recording counts as lost whose process says nothing, in milliseconds. By default 6 seconds. */
  readonly lease?: number
}

/** What {@link newId} gives. Redis is asked for nothing else. */
const ID = /^[\w-]{22}$/

/** Keeps recordings in a Redis, for all processes that share it. */
export class RedisStore implements RecordingStore, Holder {
  readonly maxRecordingBytes: number
  readonly journal: Journal
  readonly #redis: SharedRedis
  readonly #commands: Commands
  readonly #channels: Channels
  readonly #followers: Followers
  readonly #replica = newId()
  readonly #held = new Map<string, HeldRecording>()
  readonly #ticking: NodeJS.Timeout
  readonly #ready = (): void => { this.#channels.listen(`n:${this.#replica}`, message => this.#told(message)).catch(() => {}) }
  readonly #lost = (): void => this.#followers.fail()

  constructor ({ redis, ttl, maxBytes, maxRecordingBytes, lease = 6_000 }: RedisStoreOptions) {
    this.#redis = redis
    this.maxRecordingBytes = maxRecordingBytes
    this.#commands = new Commands(redis, { ttl, lease, maxBytes })
    this.journal = new Journal(this.#commands)
    this.#channels = new Channels(redis)
    this.#followers = new Followers(this.#replica, this.#commands, this.#channels, async id => await this.#orphaned(id))
    this.#ticking = setInterval(() => this.#tick(), lease / 3).unref()
    redis.subscriber.on('ready', this.#ready).on('close', this.#lost)
    redis.commands.on('close', this.#lost)
    this.#ready()
  }

  async create (owner: string, writer: Writer, names: Names = {}): Promise<LiveRecording> {
    return (await this.#create(owner, writer, names)).held
  }

  async claim (owner: string, writer: Writer, key: IdempotencyKey, names: Names = {}): Promise<Claim> {
    const { outcome, id, held } = await this.#create(owner, writer, names, key)
    switch (outcome) {
      case 'created': return { outcome, recording: held }
      case 'found': return { outcome, recording: this.#recording(id) }
      case 'mismatch': return { outcome }
    }
  }

  async find (id: string, owner: string): Promise<Recording | undefined> {
    const held = this.#held.get(id)
    const whose = held ? held.holding.owner : ID.test(id) ? await this.#commands.ownerOf(id) : undefined
    return whose === digest(owner) ? this.#recording(id) : undefined
  }

  async findRunning (chat: string, owner: string): Promise<Recording | undefined> {
    const id = await this.#commands.running(digest(owner, chat))
    return id === undefined ? undefined : this.#recording(id)
  }

  async findKeyed (key: string, owner: string): Promise<Recording | undefined> {
    const id = await this.#commands.keyed(digest(owner, key))
    return id === undefined ? undefined : this.#recording(id)
  }

  async close (): Promise<void> {
    clearInterval(this.#ticking)
    this.journal.send()
    this.#followers.fail()
    this.#redis.subscriber.off('ready', this.#ready).off('close', this.#lost)
    this.#redis.commands.off('close', this.#lost)
    this.#channels.leave(`n:${this.#replica}`)
    this.#channels.close()
  }

  relieve (): void {
    this.#followers.leaveIdle()
  }

  released ({ id }: HeldRecording): void {
    this.#held.delete(id)
  }

  #recording (id: string): Recording {
    return this.#held.get(id) ?? this.#followers.recording(id)
  }

  async #create (owner: string, writer: Writer, { chat }: Names, key?: IdempotencyKey): Promise<{ outcome: Claim['outcome'], id: string, held: HeldRecording }> {
    const holding = { owner: digest(owner), id: newId(), holder: `${this.#replica}.${newId()}` }
    const names = { chat: chat === undefined ? '' : digest(owner, chat), key: key ? digest(owner, key.value) : '', question: key ? digest(key.question) : '' }
    // What waits to be written takes room as well.
    this.journal.send()
    const { outcome, id } = await this.#commands.create({ ...holding, ...names })
    if (outcome === 'full') throw new GatewayError('overloaded', { detail: 'no room for another resumable answer' })
    const held = new HeldRecording(this, writer, holding)
    if (outcome === 'created') this.#held.set(id, held)
    return { outcome, id, held }
  }

  /** A message to this process: a stop, or how many read one of its recordings in another. */
  #told (message: Buffer): void {
    const [what, id = '', replica = '', readers] = message.toString().split(' ')
    const held = this.#held.get(id)
    if (what === 's') void held?.stop()
    else held?.readElsewhere(replica, Number(readers))
  }

  #tick (): void {
    for (const held of this.#held.values()) held.tick()
    void this.#followers.tick()
  }

  async #orphaned (id: string): Promise<void> {
    await this.#commands.lose(id, encode('failure', contentOf(new GatewayError('producer_lost'))))
  }
}

/** The name by which Redis knows something, which tells nobody what it is. */
function digest (...names: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(names)).digest('base64url')
}
