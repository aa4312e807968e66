import { setTimeout as sleep } from 'node:timers/promises'
import { type Dispatcher, Pool } from 'undici'
import { Reader } from './reader.ts'
import { forEachStamp, now } from './stamp.ts'
import type { Target } from './target.ts'
import type { Script } from './upstream.ts'

/**
 * Streams from one target, and when what arrived. It reads with undici's dispatch handlers, without a Readable or a
 * promise per stream, so that the generator takes less of the machine than what it measures.
 */
export class Load {
  /** Milliseconds from each request to the first chunk of its answer. */
  readonly firstByte: number[] = []
  /** Milliseconds from the writing of each later chunk in the upstream to its arrival here. */
  readonly delays: number[] = []
  /** Milliseconds between what arrived of a stream and what arrived before: chunks that come together are one arrival. */
  readonly pauses: number[] = []
  /** Chunks that have arrived. */
  chunks = 0
  /** Chunks, but for the first of each stream, that came on the heels of the one before: a relay that lags sends several at once. */
  bunched = 0

  readonly #target: Target
  readonly #script: Script
  readonly #pool: Pool
  readonly #request: Dispatcher.DispatchOptions
  readonly #open = new Set<Dispatcher.DispatchController>()
  /** The readers of the streams, by their numbers. */
  readonly #readers = new Map<number, Reader>()
  readonly #waiting = new Set<{ readonly met: () => boolean, readonly resolve: () => void, readonly reject: (error: unknown) => void }>()
  #started = 0
  #answering = 0
  #ended = 0
  #closed = false
  #failure: unknown

  constructor (target: Target, script: Script) {
    this.#target = target
    this.#script = script
    this.#pool = new Pool(target.url, { connections: null, pipelining: 1 })
    this.#request = {
      method: 'POST',
      path: target.path,
      headers: { 'content-type': 'application/json', ...target.headers },
      body: JSON.stringify({ prompt: JSON.stringify({ ...script, events: target.events }), ...target.body })
    }
  }

  /** Starts `count` streams, evenly spread, and resolves when the last one has been asked for. Rejects when a stream fails. */
  async start (count: number, perSecond: number): Promise<void> {
    const beginning = performance.now()
    for (let index = 0; index < count; index++) {
      const wait = beginning + index * 1000 / perSecond - performance.now()
      if (wait > 0) await sleep(wait)
      if (this.#failure) throw this.#failure
      this.#startOne()
    }
  }

  /** Resolves when every stream that was started has its first chunk. */
  async answering (): Promise<void> {
    await this.#until(() => this.#answering === this.#started)
  }

  /** Resolves when `count` more chunks have arrived. */
  async more (count: number): Promise<void> {
    const goal = this.chunks + count
    await this.#until(() => this.chunks >= goal)
  }

  /** Resolves when every stream that was started has ended, whole. */
  async done (): Promise<void> {
    await this.#until(() => this.#ended === this.#started)
  }

  /** How long each reader had nothing to read, in milliseconds, since the times were last forgotten. */
  get waits (): number[] { return [...this.#readers.values()].map(({ waited }) => waited) }

  /** Forgets the times that were taken so far. */
  forget (): void {
    for (const stream of this.#readers.keys()) this.#readers.set(stream, new Reader(now()))

    this.firstByte.length = 0
    this.delays.length = 0
    this.pauses.length = 0
  }

  /** Leaves the streams that are still open, as a client does that goes away, and closes every socket. */
  async close (): Promise<void> {
    this.#closed = true
    for (const controller of this.#open) controller.abort(new Error('enough'))
    await this.#pool.destroy()
  }

  #startOne (): void {
    const startedAt = now()
    const bunchedBelow = this.#script.everyMs * 1e6 / 10
    let lastAt = 0
    let controller: Dispatcher.DispatchController | undefined
    const stream = this.#started++
    this.#readers.set(stream, new Reader(startedAt))
    this.#pool.dispatch(this.#request, {
      onRequestStart: given => {
        controller = given
        this.#open.add(given)
      },
      onResponseStart: (given, status) => {
        if (status !== 200) given.abort(new Error(`${this.#target.name} answered ${status}`))
      },
      onResponseData: (_controller, piece) => {
        const at = now()
        const before = this.chunks
        if (lastAt > 0) this.pauses.push((at - lastAt) / 1e6)
        forEachStamp(piece, stamp => {
          if (lastAt === 0) {
            this.firstByte.push((at - startedAt) / 1e6)
            this.#answering++
          } else {
            this.delays.push((at - stamp) / 1e6)
            if (at - lastAt < bunchedBelow) this.bunched++
          }
          lastAt = at
          this.chunks++
        })
        this.#readers.get(stream)?.take(this.chunks - before, at)
        this.#check()
      },
      onResponseEnd: () => {
        if (controller) this.#open.delete(controller)
        this.#ended++
        this.#check()
      },
      onResponseError: (_controller, error) => {
        if (this.#closed) return
        this.#failure ??= error
        for (const { reject } of this.#waiting) reject(error)
      }
    })
  }

  async #until (met: () => boolean): Promise<void> {
    if (this.#failure) throw this.#failure
    if (met()) return
    await new Promise<void>((resolve, reject) => this.#waiting.add({ met, resolve, reject }))
  }

  #check (): void {
    for (const waiting of this.#waiting) {
      if (!waiting.met()) continue
      this.#waiting.delete(waiting)
      waiting.resolve()
    }
  }
}

/** Lets a target answer `requests` short requests, so that its code is compiled before anything is measured. */
export async function warmUp (target: Target, requests: number): Promise<void> {
  const load = new Load(target, { chunks: 5, everyMs: 2, bytes: 32 })
  await load.start(requests, 400)
  await load.done()
  await load.close()
}
