import { createHash, randomBytes } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import { Readable } from 'node:stream'
import { GatewayError, type MappedError } from '../errors.ts'
import type { Summary } from '../answer/answer.ts'
import { characterStart } from '../utf8.ts'
import type { Beginning, Reading, Recording, RecordingStore, Writer } from './recording.ts'

/** Bounds of a store in memory. */
export interface MemoryStoreOptions {
  /** How long a recording is kept after its end, in milliseconds. */
  readonly ttl: number
  /** How many bytes are kept in all. Answers that are still being written are never cut for it. */
  readonly maxBytes: number
  /** How many bytes one recording may have. */
  readonly maxRecordingBytes: number
}

/** How many finished recordings are kept: one without a byte takes a little memory, too. */
const MAX_FINISHED = 10_000

/** Keeps recordings in the memory of this process. */
export class MemoryStore implements RecordingStore {
  readonly #options: MemoryStoreOptions
  /** Oldest first, as a Map keeps them. */
  readonly #live = new Map<string, MemoryRecording>()
  readonly #finished = new Map<string, Kept>()
  #bytes = 0

  constructor (options: MemoryStoreOptions) {
    this.#options = options
  }

  /** How many bytes are kept now. */
  get bytes (): number { return this.#bytes }

  async create (owner: string, writer: Writer): Promise<Recording> {
    this.#makeRoom(this.#options.maxBytes - 1)
    if (this.#bytes >= this.#options.maxBytes) throw new GatewayError('overloaded', { detail: 'no room for another resumable answer' })
    const recording = new MemoryRecording(owner, writer, this.#options.maxRecordingBytes)
    this.#live.set(recording.id, recording)
    recording.events.on('grown', (bytes: number) => {
      this.#bytes += bytes
      this.#makeRoom(this.#options.maxBytes)
    })
    recording.events.once('finished', () => this.#keep(recording))
    return recording
  }

  async find (id: string, owner: string): Promise<Recording | undefined> {
    const recording = this.#live.get(id) ?? this.#finished.get(id)?.recording
    return recording?.owner === owner ? recording : undefined
  }

  async close (): Promise<void> {
    for (const kept of this.#finished.values()) this.#forget(kept)
    this.#live.clear()
  }

  #keep (recording: MemoryRecording): void {
    this.#live.delete(recording.id)
    const kept: Kept = { recording, expiry: setTimeout(() => this.#forget(kept), this.#options.ttl).unref() }
    this.#finished.set(recording.id, kept)
    this.#makeRoom(this.#options.maxBytes)
  }

  #makeRoom (limit: number): void {
    for (const kept of this.#finished.values()) {
      if (this.#bytes <= limit && this.#finished.size <= MAX_FINISHED) return
      this.#forget(kept)
    }
  }

  #forget ({ recording, expiry }: Kept): void {
    clearTimeout(expiry)
    this.#finished.delete(recording.id)
    this.#bytes -= recording.bytes
  }
}

/** A finished recording, and the timer that will have it forgotten. */
interface Kept { readonly recording: MemoryRecording, readonly expiry: NodeJS.Timeout }

/** How an answer ended: whole when there is no failure. */
interface Ending { readonly failure: (MappedError & Error) | undefined }

class MemoryRecording implements Recording {
  readonly id = randomBytes(16).toString('base64url')
  readonly owner: string
  /** `settled` when it has begun or ended without, `grown` (by how many bytes), `finished`. */
  readonly events = new EventEmitter().setMaxListeners(0)
  readonly chunks: Buffer[] = []
  bytes = 0
  beginning: Beginning | undefined
  ending: Ending | undefined
  readonly #writer: Writer
  readonly #maxBytes: number
  readonly #hash = createHash('sha256')
  #readers = 0

  constructor (owner: string, writer: Writer, maxBytes: number) {
    this.owner = owner
    this.#writer = writer
    this.#maxBytes = maxBytes
  }

  begin (beginning: Beginning): void {
    this.beginning = beginning
    this.events.emit('settled')
  }

  append (chunk: Buffer): void {
    if (chunk.length === 0) return
    if (this.bytes + chunk.length > this.#maxBytes) throw new GatewayError('answer_too_large')
    this.chunks.push(chunk)
    this.bytes += chunk.length
    this.#hash.update(chunk)
    this.events.emit('grown', chunk.length)
  }

  finish (failure?: MappedError & Error): void {
    if (this.ending) return
    this.ending = { failure }
    if (!this.beginning) this.events.emit('settled')
    this.events.emit('finished')
  }

  async read (offset: number, signal: AbortSignal, unit: 'bytes' | 'characters' = 'characters'): Promise<Reading> {
    this.#watched(+1)
    try {
      if (!this.beginning && !this.ending) await once(this.events, 'settled', { signal })
      signal.throwIfAborted()
      if (!this.beginning) throw this.ending?.failure
      if (offset > this.bytes) throw new GatewayError('past_the_end', { detail: `${offset} is past the ${this.bytes} bytes there are` })
    } catch (error) {
      this.#watched(-1)
      throw signal.aborted ? signal.reason : error
    }
    const { index, within, start } = this.#locate(offset, unit)
    const body = new MemoryReading(this, index, within)
    body.once('close', () => this.#watched(-1))
    return { ...this.beginning, body, offset: { bytes: start, rest: 0 }, ending: () => ({ finishReason: null }), summary: () => this.#summary() }
  }

  async stop (): Promise<void> {
    if (this.ending) return
    const finished = once(this.events, 'finished')
    this.#writer.stop()
    await finished
  }

  /** The chunk that the byte at an offset is in, where in it that byte or its character begins, and the offset of that. */
  #locate (offset: number, unit: 'bytes' | 'characters'): { index: number, within: number, start: number } {
    let from = 0
    for (const [index, chunk] of this.chunks.entries()) {
      if (offset < from + chunk.length) {
        const within = unit === 'bytes' ? offset - from : characterStart(chunk, offset - from)
        return { index, within, start: from + within }
      }
      from += chunk.length
    }
    return { index: this.chunks.length, within: 0, start: from }
  }

  #summary (): Summary {
    return { bytes: this.bytes, sha256: this.#hash.copy().digest('hex') }
  }

  #watched (change: number): void {
    this.#readers += change
    if (!this.ending) this.#writer.watched(this.#readers)
  }
}

/** Reads the chunks of a recording, from one of them on, and follows it to its end. */
class MemoryReading extends Readable {
  readonly #recording: MemoryRecording
  #index: number
  #within: number
  #wanted = false
  readonly #pump = (): void => {
    const { chunks, ending } = this.#recording
    for (let chunk = chunks[this.#index]; this.#wanted && chunk; chunk = chunks[this.#index]) {
      const rest = this.#within > 0 ? chunk.subarray(this.#within) : chunk
      this.#index++
      this.#within = 0
      this.#wanted = this.push(rest)
    }
    if (!ending || this.#index < chunks.length) return
    if (!ending.failure) this.push(null)
    // Destroying takes away what is still to be read. An empty chunk has Node ask again when that has been read.
    else if (this.readableLength > 0) this.push('')
    else this.destroy(ending.failure)
  }

  constructor (recording: MemoryRecording, index: number, within: number) {
    super()
    this.#recording = recording
    this.#index = index
    this.#within = within
    recording.events.on('grown', this.#pump).once('finished', this.#pump)
  }

  override _read (): void {
    this.#wanted = true
    this.#pump()
  }

  override _destroy (error: Error | null, done: (error: Error | null) => void): void {
    this.#recording.events.off('grown', this.#pump).off('finished', this.#pump)
    done(error)
  }
}
