import type { Commands, Outcome, Write } from './commands.ts'

/** How long a write waits for others that can go with it, in milliseconds. */
const GATHERED_MS = 10
/** About how many bytes go with one command, so that Redis has time for others in between. */
const BATCH_BYTES = 512 * 1024
/** What a write counts besides its content. */
const WRITE_BYTES = 256

/** A recording with something to write. */
export interface Journaled {
  /** Takes what there is to write; it is not given again. */
  take (): Write
  /** Says what the oldest write came to for which that is not known. */
  settle (outcome: Outcome): void
}

/** Writes for all recordings of this process together: one command after the other, each with all that came up in the meantime. */
export class Journal {
  readonly #commands: Commands
  readonly #waiting = new Set<Journaled>()
  #timer: NodeJS.Timeout | undefined
  #sending = 0

  constructor (commands: Commands) {
    this.#commands = commands
  }

  /** Has a recording written soon. */
  add (recording: Journaled): void {
    this.#waiting.add(recording)
    this.#schedule()
  }

  /** Writes at once what waits. Commands that follow find it written. */
  send (): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    let batch: Array<{ recording: Journaled, write: Write }> = []
    let size = 0
    for (const recording of this.#waiting) {
      const write = recording.take()
      batch.push({ recording, write })
      for (const entry of write.entries) size += entry.length
      size += WRITE_BYTES * (1 + write.entries.length)
      if (size < BATCH_BYTES) continue
      void this.#write(batch)
      batch = []
      size = 0
    }
    this.#waiting.clear()
    if (batch.length > 0) void this.#write(batch)
  }

  #schedule (): void {
    if (this.#sending === 0 && this.#waiting.size > 0) this.#timer ??= setTimeout(() => this.send(), GATHERED_MS)
  }

  async #write (batch: ReadonlyArray<{ recording: Journaled, write: Write }>): Promise<void> {
    this.#sending++
    // What was written of them is not known when it fails: none is kept.
    const outcomes = await this.#commands.write(batch.map(({ write }) => write)).catch((): Outcome[] => [])
    this.#sending--
    for (const [index, { recording }] of batch.entries()) recording.settle(outcomes[index] ?? 'dropped')
    this.#schedule()
  }
}
