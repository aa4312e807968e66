import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { fileURLToPath } from 'node:url'
import { type Test, test } from 'tap'
import { startIn } from '../entry/process.ts'
import { ask, events, type Gateway, pair, streams, type Upstream, upstream } from '../helper.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

const sse = { accept: 'text/event-stream' }
const keys = { AUTH_MODE: 'api-key', API_KEYS: 'ann:ann-key,bob:bob-key', RATE_LIMIT_MAX: '0', MAX_STREAMS_PER_CALLER: '100' }
const kilobyte = Buffer.alloc(1000, 'x')

/** Asks for a resumable answer as one of the callers. */
const askAs = async (url: string, caller: string, headers: Record<string, string> = {}, init: RequestInit = {}): Promise<Response> =>
  await ask(url, { prompt: 'Hi', resumable: true }, { ...init, headers: { 'x-api-key': `${caller}-key`, ...headers } })

/** Asks for a recorded answer, and resolves with its text, or with the status of a refusal. */
async function again (url: string, caller: string, response: Response): Promise<string | number> {
  const reply = await fetch(`${url}/api/chat/${response.headers.get('x-stream-id')}`, { headers: { 'x-api-key': `${caller}-key` } })
  return reply.ok ? await reply.text() : (await reply.body?.cancel(), reply.status)
}

/** A gateway, and a service whose every reply the test writes itself. */
async function held (t: Test, environment: Record<string, string>): Promise<Gateway & { service: Upstream, replies: ServerResponse[] }> {
  const replies: ServerResponse[] = []
  const setUp = await pair(t, { '/chat/stream': reply => { replies.push(reply); reply.writeHead(200, { 'content-type': 'text/plain' }).write(kilobyte) } }, { ...keys, ...environment })
  return { ...setUp, replies }
}

const isDropped = ({ msg }: { msg: string }): boolean => msg.startsWith('resumable answer is kept no longer')

test('of many large answers at once, each reader gets all, and no more are kept than there is room for', async t => {
  const size = 200_000
  const { url, replies, log } = await held(t, { RESUME_MAX_BYTES: '700000' })
  const responses = await Promise.all(Array.from({ length: 12 }, async () => await askAs(url, 'ann', sse)))
  for (const reply of replies) reply.end(Buffer.alloc(size - 1000, 'x'))
  const asked = responses.filter(({ status }) => status === 200)
  for (const told of await Promise.all(asked.map(events))) t.match(told.at(-1), { event: 'done', data: { reason: 'complete', bytes: size } })
  const kept = []
  for (const response of asked) kept.push(await again(url, 'ann', response))
  t.ok(kept.filter(text => typeof text === 'string').length <= 3)
  for (const text of kept) t.ok(text === 404 || text === 'x'.repeat(size), 'whole, or unknown')
  t.ok(log.lines.some(isDropped), 'the log says so')
})

test('one caller\'s answers do not push out another\'s', async t => {
  const { url } = await pair(t, { '/chat/stream': streams(...Array.from({ length: 30 }, () => kilobyte)) }, { ...keys, RESUME_MAX_BYTES: '100000' })
  const theirs = await askAs(url, 'bob')
  t.equal((await theirs.text()).length, 30_000)
  const mine: Response[] = []
  for (let index = 0; index < 10; index++) {
    const response = await askAs(url, 'ann')
    t.equal((await response.text()).length, 30_000)
    mine.push(response)
  }
  t.equal(await again(url, 'bob', theirs), 'x'.repeat(30_000))
  t.equal(await again(url, 'ann', mine[9] as Response), 'x'.repeat(30_000))
  t.equal(await again(url, 'ann', mine[0] as Response), 404, 'it is their own that went')
})

test('a caller with nothing gets room, even when another\'s running answers have taken all', async t => {
  const { url, replies, log } = await held(t, { RESUME_MAX_BYTES: '4000' })
  const mine = []
  for (let index = 0; index < 4; index++) mine.push(await askAs(url, 'ann', sse))
  const refused = await askAs(url, 'ann')
  t.match([refused.status, refused.headers.get('x-error-type')], [503, 'overloaded'])
  t.equal(replies.length, 4, 'the service is not asked')

  const theirs = await askAs(url, 'bob', sse)
  t.equal(theirs.status, 200)
  await log.line(isDropped)
  for (const reply of replies) reply.end('!')
  for (const response of [...mine, theirs]) t.match((await events(response)).at(-1), { event: 'done', data: { bytes: 1001 } })
  t.equal(await again(url, 'bob', theirs), `${kilobyte}!`)
  t.ok((await Promise.all(mine.map(async response => await again(url, 'ann', response)))).includes(404))
})

test('an answer that is kept no longer is given up with its reader: nobody could come back', async t => {
  const { url, replies, log } = await held(t, { RESUME_MAX_BYTES: '1000', RESUME_GRACE_MS: '60000' })
  const leaving = new AbortController()
  await askAs(url, 'ann', sse, { signal: leaving.signal })
  const [reply] = replies
  const closed = once(reply as ServerResponse, 'close')
  reply?.write('more')
  await log.line(isDropped)
  leaving.abort()
  await closed
  t.match(await log.line(({ msg }) => msg === 'resumable answer ended'), { ended: 'abandoned' })
})

test('the service is held back by a reader that takes nothing of an answer that is kept no longer', async t => {
  const { url, replies, log } = await held(t, { RESUME_MAX_BYTES: '1000' })
  const response = await askAs(url, 'ann')
  const [reply] = replies
  const large = Buffer.alloc(30_000_000, 'y')
  const taken = new Promise(resolve => reply?.write(large, resolve))
  await log.line(isDropped)
  // Time enough to read it all, if anybody did.
  for (let index = 0; index < 50; index++) await (await fetch(`${url}/health/live`)).text()
  t.ok(reply && reply.writableLength > 15_000_000, 'it is not read into memory')
  reply?.end()
  t.equal((await response.arrayBuffer()).byteLength, 30_001_000)
  await taken
})

test('a heap that is nearly full costs finished answers, and none that is read or written', async t => {
  const { app, url, replies } = await held(t, {})
  const finished = await askAs(url, 'ann')
  replies[0]?.end()
  await finished.text()
  const running = await askAs(url, 'ann')
  for (const relieve of app.heapReliefs) relieve()
  t.equal(await again(url, 'ann', finished), 404)
  replies[1]?.end('!')
  t.equal(await running.text(), `${kilobyte}!`)
  t.equal(await again(url, 'ann', running), `${kilobyte}!`)
})

test('a process with a small heap outlives many resumable answers in tiny chunks, and more at once than there is room for', { timeout: 120_000 }, async t => {
  const frames = Buffer.from('4\r\ntext\r\n'.repeat(10_000))
  const service = await upstream(t, {
    '/chat/stream': (reply, { json: { prompt } }) => {
      reply.writeHead(200, { 'content-type': 'text/plain' })
      if (prompt === 'large') {
        reply.end(Buffer.alloc(1_000_000, 'x'))
        return
      }
      // As a service writes that sends each token by itself; the frames are made here so that the gateway's work is what takes time.
      reply.flushHeaders()
      reply.socket?.end(Buffer.concat([frames, Buffer.from('0\r\n\r\n')]))
    }
  })
  const gateway = startIn(t, root, [process.execPath, '--max-old-space-size=128', ...process.execArgv, 'server.ts'], {
    NODE_OPTIONS: process.env.NODE_OPTIONS ?? '', COPILOT_SERVICE_URL: service.url, RESUME_MAX_BYTES: '8000000', RATE_LIMIT_MAX: '0', MAX_STREAMS_PER_CALLER: '200'
  })
  const url = await gateway.url()
  const sizes = async (prompt: string, count: number) => await Promise.all(Array.from({ length: count }, async () => {
    const response = await ask(url, { prompt, resumable: true })
    const text = await response.text()
    return response.status === 200 ? text.length : response.headers.get('x-error-type')
  }))

  t.strictSame(new Set(await sizes('tiny', 12)), new Set([40_000]), 'all of them whole')
  for (const size of await sizes('large', 40)) t.ok([1_000_000, 'overloaded'].includes(size ?? ''), String(size))
  t.strictSame(await sizes('tiny', 2), [40_000, 40_000], 'and there is room again')
  gateway.kill('SIGTERM')
  t.equal(await gateway.ended, 0)
})
