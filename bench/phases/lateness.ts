import { type ChildProcess, fork } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { request } from 'undici'
import type { Child } from '../child.ts'
import { Load, warmUp } from '../load.ts'
import { type Spread, spread } from '../stats.ts'
import type { Start, Target } from '../target.ts'

/** How it is measured what readers see of a process that has too much to do. */
export interface LatenessSettings {
  /** Answers that are read meanwhile. */
  readonly streams: number
  /** The pace of each, in milliseconds from chunk to chunk. */
  readonly everyMs: number
  /** Requests before, so that code is compiled. */
  readonly warmUp: number
  /** How many milliseconds of work of its own the process has in each turn of its event loop, one after the other. */
  readonly busyMs: readonly number[]
  /** How many other processes take what CPU time they can get, one after the other. */
  readonly competitors: readonly number[]
  /** How long each of these goes on before it counts, and then is measured, in milliseconds. */
  readonly settleMs: number
  readonly watchMs: number
}

/** What readers see of a process that is late, and what it says of itself. */
export interface Lateness {
  /** Milliseconds of work of its own in each turn of the event loop. */
  readonly busyMs: number
  /** Other processes that take what CPU time they can get. */
  readonly competitors: number
  /** How late its timers were on average, in milliseconds. */
  readonly loopDelay: number
  /** How much of the time its event loop was busy, 0–1. */
  readonly utilization: number
  /** From the writing of a chunk in the upstream to its arrival, in milliseconds. */
  readonly chunkDelay: Spread
  /** Between what arrives of an answer and what arrives next, in milliseconds. */
  readonly pause: Spread
  /** How long a quick reader had nothing to read in the time that was watched, whose answer began with it; in milliseconds. */
  readonly waited: Spread
  /** From a question to the first byte of its answer, or to its refusal, in milliseconds. */
  readonly firstByte: Spread
  /** How many of those who asked something new were refused. */
  readonly asked: number
  readonly refused: number
}

/** How often something new is asked, in milliseconds. */
const ASK_EVERY_MS = 250

/** Reads answers through a new process while it has more and more to do, and then beside more and more processes that take its time. */
export async function lateness (start: Start, upstream: Child, settings: LatenessSettings): Promise<Lateness[]> {
  const target = await start(upstream)
  const load = new Load(target, { chunks: Number.MAX_SAFE_INTEGER, everyMs: settings.everyMs, bytes: 32 })
  const others: ChildProcess[] = []
  try {
    await warmUp(target, settings.warmUp)
    await load.start(settings.streams, 200)
    await load.answering()

    const found: Lateness[] = []
    const step = async (busyMs: number) => {
      await target.child.busy(busyMs)
      await sleep(settings.settleMs)
      await target.child.usage()
      load.forget()
      const asked = await askMeanwhile(target, settings.watchMs)
      const { loop } = await target.child.usage()
      found.push({ busyMs, competitors: others.length, loopDelay: loop.delay, utilization: loop.utilization, chunkDelay: spread(load.delays), pause: spread(load.pauses), waited: spread(load.waits), ...asked })
    }
    for (const busyMs of settings.busyMs) await step(busyMs)
    for (const count of settings.competitors) {
      while (others.length < count) others.push(fork(new URL('../competitor.js', import.meta.url)))
      await step(0)
    }
    return found
  } finally {
    for (const other of others) other.kill('SIGKILL')
    await load.close()
    await target.child.stop()
  }
}

/** Asks for short answers, one every so often, and counts those that are refused. */
async function askMeanwhile ({ url, path, headers, body }: Target, forMs: number): Promise<Pick<Lateness, 'asked' | 'refused' | 'firstByte'>> {
  const asking: Array<Promise<{ status: number, after: number }>> = []
  for (const end = performance.now() + forMs; performance.now() < end;) {
    asking.push(ask())
    await sleep(ASK_EVERY_MS)
  }
  const replies = await Promise.all(asking)
  return { asked: replies.length, refused: replies.filter(({ status }) => status !== 200).length, firstByte: spread(replies.map(({ after }) => after)) }

  async function ask (): Promise<{ status: number, after: number }> {
    const since = performance.now()
    const prompt = JSON.stringify({ chunks: 1, everyMs: 1, bytes: 32 })
    const reply = await request(url + path, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify({ prompt, ...body }) })
    // Of one chunk: its end is its beginning.
    await reply.body.dump()
    return { status: reply.statusCode, after: performance.now() - since }
  }
}
