import { EventEmitter, once } from 'node:events'
import type { Ending, Part, Summary } from '../../answer/answer.ts'
import { GatewayError, type ReportedError } from '../../errors.ts'
import { MemoryRecording } from '../memory/recording.ts'
import type { Beginning, From, LiveRecording, Reading, Writer } from '../recording.ts'
import type { Outcome, Write } from './commands.ts'
import { contentOf, encode, type Kind, partContentOf } from './entries.ts'
import type { Journal, Journaled } from './journal.ts'
import { keeperOf } from './keeper.ts'

/** How many bytes may be written here and not in Redis yet, before the writer has to wait. */
const MAX_OWED = 256 * 1024
/** How many bytes of one kind make one entry. */
const ENTRY_BYTES = 32 * 1024
/** After how many ticks without a word from another process its readers do not count any more. */
const SILENT_TICKS = 3

/** How a recording is known in Redis. */
export interface Holding {
  readonly id: string
  /** The name of its owner, a digest. */
  readonly owner: string
  /** The token of its lease. */
  readonly holder: string
}

/** What a recording asks of its store. */
export interface Holder {
  readonly maxRecordingBytes: number
  readonly journal: Journal
  /** Called when this process does not hold it any more: it is over, dropped or lost. */
  released (recording: HeldRecording): void
}

interface Unsent { readonly kind: Kind, readonly chunks: Buffer[], size: number }

/**
 * A recording that this process writes. Its readers here are fed from memory, and Redis gets a copy, some milliseconds later; they
 * wait for it at the end alone, so that nobody is told of a whole answer that the store does not have.
 */
export class HeldRecording implements LiveRecording, Journaled {
  readonly holding: Holding
  readonly #store: Holder
  readonly #writer: Writer
  readonly #local: MemoryRecording
  readonly #settled = new EventEmitter().setMaxListeners(0)
  #unsent: Unsent[] = []
  #cost = 0
  #what: Write['what'] = ''
  /** The sizes of the writes of which nothing is known yet. */
  readonly #sent: number[] = []
  #owed = 0
  #kept = true
  #ending = false
  #lost: GatewayError | undefined
  #readers = 0
  #told = 0
  readonly #elsewhere = new Map<string, { readers: number, ticks: number }>()

  constructor (store: Holder, writer: Writer, holding: Holding) {
    this.#store = store
    this.#writer = writer
    this.holding = holding
    const keeper = keeperOf(store.maxRecordingBytes, cost => { this.#cost += cost })
    const watched = (readers: number): void => {
      this.#readers = readers
      this.#watched()
    }
    this.#local = new MemoryRecording(keeper, { ...writer, stop: () => writer.stop(), dropped: () => writer.dropped(), watched }, { owner: holding.owner }, holding.id)
  }

  get id (): string { return this.holding.id }

  async begin (beginning: Beginning): Promise<void> {
    await this.#local.begin(beginning)
    this.#queue('beginning', contentOf(beginning))
  }

  async append (part: Part, signal: AbortSignal): Promise<void> {
    if (this.#lost) throw this.#lost
    await this.#local.append(part, signal)
    const { type, bytes } = partContentOf(part)
    if (bytes.length > 0) this.#queue(type, bytes)
    while (this.#kept && this.#owed > MAX_OWED) await this.#next(signal)
  }

  async finish (ending: Ending): Promise<void> {
    await this.#end('ending', ending, 'end')
    if (this.#lost) throw this.#lost
    await this.#local.finish(ending)
  }

  async fail (failure: GatewayError | ReportedError): Promise<void> {
    if (this.#ending) return
    await this.#end('failure', failure, failure.errorType === 'stopped' ? 'end' : 'free')
    await this.#local.fail(failure)
  }

  async read (from: From, signal: AbortSignal, unit?: 'bytes' | 'characters'): Promise<Reading> {
    return await this.#local.read(from, signal, unit)
  }

  async summary (): Promise<Summary> {
    return await this.#local.summary()
  }

  async isOver (): Promise<boolean> {
    return this.#local.over
  }

  async stop (): Promise<void> {
    await this.#local.stop()
  }

  /** Has the lease renewed, and forgets readers of processes that have fallen silent. */
  tick (): void {
    for (const [replica, { ticks }] of this.#elsewhere) if (ticks === SILENT_TICKS) this.#elsewhere.delete(replica)
    for (const readers of this.#elsewhere.values()) readers.ticks++
    this.#watched()
    if (this.#ending) return
    this.#what = 'renew'
    this.#store.journal.add(this)
  }

  /** Takes note of how many read it in another process. */
  readElsewhere (replica: string, readers: number): void {
    this.#elsewhere.set(replica, { readers, ticks: 0 })
    this.#watched()
  }

  take (): Write {
    const entries = this.#unsent.map(({ kind, chunks }) => encode(kind, ...chunks))
    const write = { ...this.holding, what: this.#what, cost: this.#cost, entries }
    this.#sent.push(this.#unsent.reduce((sum, { size }) => sum + size, 0))
    this.#unsent = []
    this.#cost = 0
    this.#what = ''
    return write
  }

  settle (outcome: Outcome): void {
    this.#owed -= Number(this.#sent.shift())
    if (this.#kept) {
      if (outcome === 'stop') this.#writer.stop()
      if (outcome === 'dropped') this.#drop()
      if (outcome === 'lost') this.#lose()
    }
    this.#settled.emit('settled')
  }

  #queue (kind: Kind, bytes: Buffer): void {
    if (!this.#kept) return
    const last = this.#unsent.at(-1)
    const joined = (kind === 'text' || kind === 'reasoning') && last?.kind === kind && last.size < ENTRY_BYTES
    if (joined) {
      last.chunks.push(bytes)
      last.size += bytes.length
    } else {
      this.#unsent.push({ kind, chunks: [bytes], size: bytes.length })
    }
    this.#owed += bytes.length
    this.#store.journal.add(this)
  }

  /** Writes the end, and waits until Redis has everything, or nothing more is kept there. */
  async #end (kind: 'ending' | 'failure', end: Ending | GatewayError | ReportedError, what: 'end' | 'free'): Promise<void> {
    this.#ending = true
    if (!this.#kept) return
    this.#queue(kind, contentOf(end))
    this.#what = what
    this.#store.journal.send()
    while (this.#kept && this.#sent.length > 0) await once(this.#settled, 'settled')
    if (this.#kept) this.#store.released(this)
    this.#kept = false
  }

  async #next (signal: AbortSignal): Promise<void> {
    await once(this.#settled, 'settled', { signal }).catch(() => { throw signal.reason })
  }

  #drop (): void {
    this.#kept = false
    this.#store.released(this)
    this.#local.drop()
  }

  #lose (): void {
    this.#kept = false
    this.#store.released(this)
    const lost = this.#lost = new GatewayError('producer_lost')
    this.#writer.lost(lost)
    void this.#local.fail(lost)
  }

  #watched (): void {
    if (this.#local.over) return
    let readers = this.#readers
    for (const elsewhere of this.#elsewhere.values()) readers += elsewhere.readers
    if (readers === this.#told) return
    this.#told = readers
    this.#writer.watched(readers)
  }
}
