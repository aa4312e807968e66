import { GatewayError } from '../../errors.ts'
import type { Claim, IdempotencyKey, LiveRecording, Names, Recording, RecordingStore, Writer } from '../recording.ts'
import { type Keeper, type Known, MemoryRecording } from './recording.ts'
import { Room } from './room.ts'

/** Bounds of a store in memory. */
export interface MemoryStoreOptions {
  /** How long a recording is kept after its end, in milliseconds. */
  readonly ttl: number
  /** How many bytes all recordings may cost together, including those in progress. */
  readonly maxBytes: number
  /** How many bytes one recording may cost. */
  readonly maxRecordingBytes: number
}

/** What a recording costs besides its content, in bytes. */
const RECORDING_BYTES = 2048
/** How many recordings are not charged those bytes: the sum is small, and the cost of few recordings then equals the size of their content. */
const FREE_RECORDINGS = 100

/** Keeps recordings in the memory of this process. */
export class MemoryStore implements RecordingStore, Keeper {
  readonly maxRecordingBytes: number
  readonly #ttl: number
  readonly #room: Room<MemoryRecording>
  readonly #recordings = new Map<string, MemoryRecording>()
  readonly #keys = new Map<string, MemoryRecording>()
  readonly #expiries = new Map<MemoryRecording, NodeJS.Timeout>()

  constructor ({ ttl, maxBytes, maxRecordingBytes }: MemoryStoreOptions) {
    this.maxRecordingBytes = maxRecordingBytes
    this.#ttl = ttl
    this.#room = new Room(maxBytes, recording => this.drop(recording))
  }

  /** How many bytes all recordings cost now. */
  get bytes (): number { return this.#room.taken }

  async create (owner: string, writer: Writer, names: Names = {}): Promise<LiveRecording> {
    return this.#create(writer, { ...names, owner })
  }

  // No `await` before the key is set: concurrent claims cannot interleave.
  async claim (owner: string, writer: Writer, key: IdempotencyKey, names: Names = {}): Promise<Claim> {
    const found = this.#keys.get(indexOf(owner, key.value))
    if (found) return found.known.key?.question === key.question ? { outcome: 'found', recording: found } : { outcome: 'mismatch' }
    const recording = this.#create(writer, { ...names, owner, key })
    this.#keys.set(indexOf(owner, key.value), recording)
    return { outcome: 'created', recording }
  }

  async find (id: string, owner: string): Promise<Recording | undefined> {
    const recording = this.#recordings.get(id)
    return recording?.owner === owner ? recording : undefined
  }

  async findRunning (chat: string, owner: string): Promise<Recording | undefined> {
    return this.#room.live(owner).findLast(({ known }) => known.chat === chat)
  }

  async findKeyed (key: string, owner: string): Promise<Recording | undefined> {
    return this.#keys.get(indexOf(owner, key))
  }

  async close (): Promise<void> {
    for (const recording of [...this.#recordings.values()]) this.#forget(recording)
  }

  /** Drops finished recordings without readers, because the process needs their memory for answers in progress. */
  relieve (): void {
    for (const recording of [...this.#expiries.keys()]) if (recording.readers === 0) this.drop(recording)
  }

  take (recording: MemoryRecording, cost: number): boolean {
    return this.#room.take(recording, cost)
  }

  give (recording: MemoryRecording, cost: number): void {
    this.#room.give(recording, cost)
  }

  drop (recording: MemoryRecording): void {
    this.#forget(recording)
    recording.drop()
  }

  over (recording: MemoryRecording): void {
    this.#room.finish(recording)
    const { failure } = recording
    if (failure && failure.errorType !== 'stopped') this.#freeKey(recording)
    this.#expiries.set(recording, setTimeout(() => this.drop(recording), this.#ttl).unref())
  }

  #create (writer: Writer, known: Known): MemoryRecording {
    const recording = new MemoryRecording(this, writer, known)
    const cost = this.#recordings.size < FREE_RECORDINGS ? 0 : RECORDING_BYTES
    this.#room.enter(recording)
    // At least one byte must be free, since an answer has at least one.
    const wanted = Math.max(cost, 1)
    if (!this.#room.take(recording, wanted)) {
      this.#room.leave(recording)
      throw new GatewayError('overloaded', { detail: 'no room for another resumable answer' })
    }
    this.#room.give(recording, wanted - cost)
    this.#recordings.set(recording.id, recording)
    return recording
  }

  #forget (recording: MemoryRecording): void {
    clearTimeout(this.#expiries.get(recording))
    this.#expiries.delete(recording)
    this.#recordings.delete(recording.id)
    this.#freeKey(recording)
    this.#room.leave(recording)
  }

  #freeKey (recording: MemoryRecording): void {
    const { owner, key } = recording.known
    if (key && this.#keys.get(indexOf(owner, key.value)) === recording) this.#keys.delete(indexOf(owner, key.value))
  }
}

function indexOf (owner: string, key: string): string {
  return JSON.stringify([owner, key])
}
