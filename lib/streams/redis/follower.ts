import type { Summary } from '../../answer/answer.ts'
import { GatewayError } from '../../errors.ts'
import { MemoryRecording } from '../memory/recording.ts'
import type { From, Reading } from '../recording.ts'
import type { Channels } from './channels.ts'
import type { Commands, State } from './commands.ts'
import { decode } from './entries.ts'
import { keeperOf } from './keeper.ts'

/** What a follower asks of its process. */
export interface Leader {
  readonly commands: Commands
  readonly channels: Channels
  /** Called when there is a first reader, or none any more. */
  watched (follower: Follower): void
  /** Called for a recording that nobody writes any more. */
  orphaned (id: string): Promise<void>
}

const forever = new AbortController().signal

/** A copy of a recording in Redis, which all its readers in this process share: what there is, and what comes, as its channel tells it. */
export class Follower {
  readonly id: string
  readonly #leader: Leader
  readonly #local: MemoryRecording
  readonly #loaded: Promise<void>
  /** How many entries of the journal there are here. */
  #entries = 0
  /** How many there are known to be in Redis. */
  #known = 0
  #fetching = false
  #users = 0
  #readers = 0

  constructor (leader: Leader, id: string) {
    this.#leader = leader
    this.id = id
    const watched = (readers: number): void => {
      const before = this.#readers
      this.#readers = readers
      if ((before === 0) !== (readers === 0)) leader.watched(this)
    }
    const nothing = (): void => {}
    this.#local = new MemoryRecording(keeperOf(Infinity, nothing), { stop: nothing, dropped: nothing, lost: nothing, watched }, { owner: '' }, id)
    this.#loaded = this.#load()
  }

  get readers (): number { return this.#local.readers }

  get over (): boolean { return this.#local.over }

  /** Nobody needs it. */
  get idle (): boolean { return this.#users === 0 && this.readers === 0 }

  async read (from: From, signal: AbortSignal, unit?: 'bytes' | 'characters'): Promise<Reading> {
    return await this.#use(async () => await this.#local.read(from, signal, unit))
  }

  async summary (): Promise<Summary> {
    return await this.#use(async () => await this.#local.summary())
  }

  async isOver (): Promise<boolean> {
    return await this.#use(async () => this.over)
  }

  /** Asks whoever writes it to stop. Resolves when it is over. */
  async stop (): Promise<void> {
    await this.#use(async () => {
      if (this.over) return
      const over = this.#local.stop()
      await this.#leader.commands.stop(this.id)
      await over
    })
  }

  /** Takes note of where the recording stands in Redis. */
  async see (state: State, length: number): Promise<void> {
    if (state === 'lost') await this.#leader.orphaned(this.id)
    if (state === 'gone') await this.fail(new GatewayError('not_found'))
    else if (state === 'lost' || length > this.#entries) await this.#fetch()
  }

  /** Ends all its readings. */
  async fail (failure: GatewayError): Promise<void> {
    await this.#local.fail(failure)
  }

  async #use<T> (use: () => Promise<T>): Promise<T> {
    this.#users++
    try {
      await this.#loaded
      return await use()
    } finally {
      this.#users--
    }
  }

  async #load (): Promise<void> {
    try {
      await this.#leader.channels.listen(`r:${this.id}`, message => this.#told(message))
      for (const [state, length] of await this.#leader.commands.look('', [[this.id, 0]])) await this.see(state, length)
    } catch {
      await this.fail(new GatewayError('store_unavailable'))
    }
  }

  /** A message of the channel: the place of an entry and the entry; without a place, there are no more to come. */
  #told (message: Buffer): void {
    const space = message.indexOf(' ')
    if (space < 0) {
      void this.fail(new GatewayError('store_unavailable'))
      return
    }
    const at = Number(message.subarray(0, space))
    this.#known = Math.max(this.#known, at + 1)
    if (at > this.#entries) this.#fetch().catch(() => this.fail(new GatewayError('store_unavailable')))
    else this.#add(at, [message.subarray(space + 1)])
  }

  /** Reads the entries that are missing. */
  async #fetch (): Promise<void> {
    if (this.#fetching) return
    this.#fetching = true
    try {
      let read: Buffer[]
      do {
        const at = this.#entries
        read = await this.#leader.commands.entries(this.id, at)
        this.#add(at, read)
      } while (read.length > 0 && this.#known > this.#entries)
    } finally {
      this.#fetching = false
    }
  }

  /** Adds those of consecutive entries that are not here yet. */
  #add (at: number, entries: readonly Buffer[]): void {
    for (const entry of entries.slice(this.#entries - at)) {
      this.#entries++
      const said = decode(entry)
      if (said.kind === 'beginning') void this.#local.begin(said.beginning)
      else if (said.kind === 'part') void this.#local.append(said.part, forever)
      else if (said.kind === 'ending') void this.#local.finish(said.ending)
      else void this.#local.fail(said.failure)
    }
  }
}
