import type { Summary } from '../../answer/answer.ts'
import { GatewayError } from '../../errors.ts'
import type { From, Reading, Recording } from '../recording.ts'
import type { Channels } from './channels.ts'
import type { Commands } from './commands.ts'
import { Follower, type Leader } from './follower.ts'

/** The recordings that others write and that are read here. */
export class Followers implements Leader {
  readonly commands: Commands
  readonly channels: Channels
  readonly orphaned: Leader['orphaned']
  readonly #replica: string
  readonly #followers = new Map<string, Follower>()

  /** `orphaned` has to see to a recording that nobody writes any more. */
  constructor (replica: string, commands: Commands, channels: Channels, orphaned: Leader['orphaned']) {
    this.#replica = replica
    this.commands = commands
    this.channels = channels
    this.orphaned = orphaned
  }

  /** A recording that another process writes or wrote. */
  recording (id: string): Recording {
    return {
      id,
      read: async (from: From, signal: AbortSignal, unit?: 'bytes' | 'characters'): Promise<Reading> => await this.#of(id).read(from, signal, unit),
      summary: async (): Promise<Summary> => await this.#of(id).summary(),
      isOver: async (): Promise<boolean> => await this.#of(id).isOver(),
      stop: async (): Promise<void> => await this.#of(id).stop()
    }
  }

  watched (follower: Follower): void {
    this.commands.look(this.#replica, [[follower.id, follower.readers]]).catch(() => {})
  }

  /** Lets go of recordings that nobody reads, tells the writers of the others how many read them, and looks whether they still write. */
  async tick (): Promise<void> {
    this.leaveIdle()
    const followers = [...this.#followers.values()].filter(({ over }) => !over)
    if (followers.length === 0) return
    try {
      const seen = await this.commands.look(this.#replica, followers.map(({ id, readers }) => [id, readers]))
      await Promise.all(seen.map(async ([state, length], index) => await followers[index]?.see(state, length)))
    } catch {
      this.fail()
    }
  }

  /** Lets go of recordings that nobody reads here. */
  leaveIdle (): void {
    for (const follower of this.#followers.values()) if (follower.idle) this.#leave(follower)
  }

  /** Ends all readings of recordings that are not over: nothing more of them can be known. */
  fail (): void {
    for (const follower of this.#followers.values()) {
      if (follower.over) continue
      void follower.fail(new GatewayError('store_unavailable'))
      this.#leave(follower)
    }
  }

  #of (id: string): Follower {
    const found = this.#followers.get(id)
    if (found) return found
    const follower = new Follower(this, id)
    this.#followers.set(id, follower)
    return follower
  }

  #leave (follower: Follower): void {
    this.#followers.delete(follower.id)
    this.channels.leave(`r:${follower.id}`)
  }
}
