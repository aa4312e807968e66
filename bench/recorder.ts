import { MemoryStore } from '../lib/streams/memory/store.ts'

/** What recordings were found to cost, in bytes. */
export interface Recorded {
  /** What the store counts against its bound. */
  readonly counted: number
  /** By how much the resident memory of the process grew, after a garbage collection. */
  readonly rss: number
}

/** Run in a process of its own: records answers in chunks of `CHUNK` bytes up to `BYTES` in all, says what that took, and ends. */
const chunk = Buffer.alloc(Number(process.env.CHUNK), 'x')
const bytes = Number(process.env.BYTES)
const ANSWER_BYTES = 100_000

const { signal } = new AbortController()
const writer = { stop: () => {}, watched: () => {}, dropped: () => {}, lost: () => {} }

async function fill (store: MemoryStore, bytes: number): Promise<void> {
  while (store.bytes < bytes) {
    const recording = await store.create('bench', writer)
    await recording.begin({ delivery: 'stream' })
    for (let size = 0; size < ANSWER_BYTES; size += chunk.length) await recording.append({ type: 'text', bytes: chunk }, signal)
    await recording.finish({ finishReason: null })
  }
}

async function resident (): Promise<number> {
  for (let times = 0; times < 3; times++) {
    globalThis.gc?.()
    // Pages are given back by other threads, a moment later.
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  return process.memoryUsage.rss()
}

const store = new MemoryStore({ ttl: 600_000, maxBytes: Infinity, maxRecordingBytes: Infinity })
// Code is compiled, and the heap has its size, before anything is counted.
await fill(store, bytes / 8)
const before = { counted: store.bytes, rss: await resident() }
await fill(store, bytes + before.counted)
process.send?.({ counted: store.bytes - before.counted, rss: await resident() - before.rss } satisfies Recorded)
process.disconnect()
