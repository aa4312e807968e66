import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { request } from 'undici'
import type { Child } from '../child.ts'
import { warmUp } from '../load.ts'
import type { Start, Target } from '../target.ts'
import type { Script } from '../upstream.ts'

/** How a mass disconnect is measured. */
export interface DisconnectSettings {
  /** Readers of open answers, all of which reset their connections at once. */
  readonly readers: number
  /** Requests before, so that code is compiled. */
  readonly warmUp: number
  /** How long health is asked for, from the resets on, in milliseconds. */
  readonly watchMs: number
}

/** What it costs a gateway that all of its readers leave at once. */
export interface Disconnect {
  readonly readers: number
  /** The longest that `GET /health/live` took meanwhile, in milliseconds. */
  readonly health: number
  /** The longest that it took while all answers were open, in milliseconds. */
  readonly healthBefore: number
  /** CPU time of the process for each reader that left, in microseconds. */
  readonly cpu: number
}

/** Has the readers of a new process leave all at once, and asks it for its health all the while. */
export async function disconnect (start: Start, upstream: Child, { readers, warmUp: requests, watchMs }: DisconnectSettings): Promise<Disconnect> {
  const target = await start(upstream)
  const open: Socket[] = []
  try {
    await warmUp(target, requests)
    for (let index = 0; index < readers; index++) open.push(await reader(target))
    const healthBefore = await slowestHealth(target.url, watchMs)

    const before = (await target.child.usage()).cpu
    for (const socket of open) socket.resetAndDestroy()
    const health = await slowestHealth(target.url, watchMs)
    return { readers, healthBefore, health, cpu: ((await target.child.usage()).cpu - before) / readers }
  } finally {
    for (const socket of open) socket.destroy()
    await target.child.stop()
  }
}

/** A reader that has the first chunk of an answer, on a connection of its own; there is no other chunk for an hour. */
async function reader ({ url, path, headers, body }: Target): Promise<Socket> {
  const { hostname, port } = new URL(url)
  const script: Script = { chunks: 2, everyMs: 3_600_000, bytes: 32 }
  const asked = JSON.stringify({ prompt: JSON.stringify(script), ...body })
  const lines = ['host: localhost', 'content-type: application/json', `content-length: ${Buffer.byteLength(asked)}`, ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`)]
  const socket = connect(Number(port), hostname)
  // A cut of the other side is no concern of this one: what is measured is the process that is left.
  socket.on('error', () => {})
  socket.write(`POST ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${asked}`)
  const [head] = await once(socket, 'data')
  if (!String(head).startsWith('HTTP/1.1 200 ')) throw new Error(`no answer: ${String(head).split('\r\n', 1)[0]}`)
  return socket
}

/** Asks again and again, one request at a time, and tells the longest that one of them took, in milliseconds. */
async function slowestHealth (url: string, forMs: number): Promise<number> {
  const end = performance.now() + forMs
  let slowest = 0
  do {
    const asked = performance.now()
    const { body } = await request(`${url}/health/live`)
    await body.dump()
    slowest = Math.max(slowest, performance.now() - asked)
    await sleep(5)
  } while (performance.now() < end)
  return slowest
}
