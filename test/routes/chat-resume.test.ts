import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { type Test, test } from 'tap'
import { ask, events, type Gateway, json, pair, streams, type Upstream } from '../helper.ts'

const sse = { accept: 'text/event-stream' }

/** A gateway and a resumable answer of which the test writes every byte itself. */
async function answering (t: Test, environment: Record<string, string> = {}, headers: Record<string, string> = {}): Promise<Gateway & { service: Upstream, reply: ServerResponse, response: Response, id: string, leave: () => void }> {
  let reply: ServerResponse | undefined
  const setUp = await pair(t, { '/chat/stream': begun => { reply = begun; begun.writeHead(200, { 'content-type': 'text/plain' }).write('Grüße ') } }, environment)
  const leaving = new AbortController()
  const response = await ask(setUp.url, { prompt: 'Hi', resumable: true, model: 'm' }, { headers: { ...sse, ...headers }, signal: leaving.signal })
  if (!reply) throw new Error('the upstream was not asked')
  return { ...setUp, reply, response, id: response.headers.get('x-stream-id') ?? '', leave: () => leaving.abort() }
}

const get = async (url: string, id: string, headers: Record<string, string> = {}, query = ''): Promise<Response> => await fetch(`${url}/api/chat/${id}${query}`, { headers })

test('a reader that lost its connection reads on where it was, and then live, to the same end', async t => {
  const { url, reply, response, id, leave, service } = await answering(t)
  t.match(id, /^[\w-]{22,}$/)
  const reader = response.body?.getReader()
  await reader?.read()
  leave()

  const again = await get(url, id, { ...sse, 'last-event-id': '8' })
  t.equal(again.headers.get('x-stream-id'), id)
  reply.write('aus ')
  await new Promise(resolve => setImmediate(resolve))
  reply.end('Köln 🌍')
  t.match(await events(again), [
    { event: 'start', data: { streamId: id, delivery: 'stream', model: 'm' } },
    { event: 'delta', id: '12', data: { text: 'aus ' } },
    { event: 'delta', id: '22', data: { text: 'Köln 🌍' } },
    { event: 'done', data: { reason: 'complete', bytes: 22, sha256: /^[0-9a-f]{64}$/ } }
  ])
  t.equal(service.requests.length, 1, 'the question was asked once')
})

test('it is read as plain text from an offset, too, by several at once', async t => {
  const { url, reply, id } = await answering(t)
  const offsets = [0, 7, 8]
  const reading = offsets.map(async offset => await get(url, id, {}, `?offset=${offset}`))
  t.equal((await reading[0])?.headers.get('x-copilot-delivery'), 'stream')
  reply.end('aus Köln')
  const whole = Buffer.from('Grüße aus Köln')
  t.strictSame(await Promise.all(reading.map(async response => await (await response).text())), offsets.map(offset => whole.subarray(offset).toString()))
  t.equal(await (await get(url, id)).text(), 'Grüße aus Köln', 'after its end as well')
})

test('as plain text it is resumable from the beginning on', async t => {
  const { url } = await pair(t, { '/chat/stream': streams('a', 'b') })
  const response = await ask(url, { prompt: 'Hi', resumable: true })
  const id = response.headers.get('x-stream-id') ?? ''
  t.equal(await response.text(), 'ab')
  t.equal(await (await get(url, id, {}, '?offset=1')).text(), 'b')
})

test('as plain text it goes on with the very byte, within a character as well', async t => {
  const { url } = await pair(t, { '/chat/stream': streams('aé🌍b') })
  const response = await ask(url, { prompt: 'Hi', resumable: true })
  const id = response.headers.get('x-stream-id') ?? ''
  const whole = Buffer.from(await response.arrayBuffer())
  for (let offset = 0; offset <= whole.length; offset++) {
    const rest = await (await get(url, id, {}, `?offset=${offset}`)).arrayBuffer()
    t.strictSame(Buffer.from(rest), whole.subarray(offset))
  }
})

test('a stop aborts the upstream, and readers are told; once more is no mistake', async t => {
  const { url, reply, response, id, log } = await answering(t)
  const plain = await get(url, id)
  const closed = once(reply, 'close')
  const stop = async (): Promise<Response> => await fetch(`${url}/api/chat/${id}`, { method: 'DELETE', headers: { 'content-type': 'application/json' } })
  t.equal((await stop()).status, 204)
  await closed
  t.match((await events(response)).at(-1), { event: 'done', data: { reason: 'stopped', bytes: 8, sha256: String } })
  await t.rejects(plain.text(), 'half an answer as plain text is cut')
  t.equal((await stop()).status, 204)
  t.match((await events(await get(url, id, sse))).at(-1), { event: 'done', data: { reason: 'stopped' } }, 'who comes later is told the same')
  t.match(await log.line(({ msg }) => msg === 'resumable answer ended'), { level: 30, ended: 'stopped' })
})

test('a slow model\'s answer that is stopped before it has begun is done', async t => {
  const { url, log } = await pair(t, { '/chat/stream': () => {} }, { SSE_HEARTBEAT_MS: '20' })
  const response = await ask(url, { prompt: 'Hello', resumable: true }, { headers: sse })
  t.equal((await fetch(`${url}/api/chat/${response.headers.get('x-stream-id')}`, { method: 'DELETE' })).status, 204)
  t.match(await events(response), [{ event: 'done', data: { reason: 'stopped', bytes: 0, sha256: /^e3b0c44298fc1c14/ } }])
  t.match(await log.ended(response.headers.get('x-request-id') ?? ''), { ended: 'stopped' })
})

test('without a reader it goes on for RESUME_GRACE_MS, and then it is given up', async t => {
  const { url, reply, id, leave, log } = await answering(t, { RESUME_GRACE_MS: '50' })
  const closed = once(reply, 'close')
  leave()
  await closed
  t.match(await log.line(({ msg }) => msg === 'resumable answer ended'), { level: 40, ended: 'abandoned', errorType: 'abandoned' })
  t.match((await events(await get(url, id, sse))).at(-1), { event: 'error', data: { errorType: 'abandoned', bytes: 8 } })
  await t.rejects((await get(url, id)).text())
})

test('a reader that comes back in time keeps it going', async t => {
  const { url, reply, id, leave } = await answering(t, { RESUME_GRACE_MS: '400' })
  leave()
  const again = await get(url, id)
  setTimeout(() => reply.end('last'), 600)
  t.equal(await again.text(), 'Grüße last')
})

test('a failure of the upstream is what every reader gets', async t => {
  const { url, reply, response, id } = await answering(t)
  reply.destroy()
  t.match((await events(response)).at(-1), { event: 'error', data: { errorType: 'connection', bytes: 8 } })
  await t.rejects((await get(url, id)).text())
})

test('a failure when nobody reads is in the log, with what failed', async t => {
  const { reply, leave, log } = await answering(t)
  leave()
  t.match(await log.ended(), { level: 30, ended: 'client_left' })
  reply.destroy()
  t.match(await log.line(({ msg }) => msg === 'resumable answer ended'), { level: 40, ended: 'upstream_failed', errorType: 'connection', error: /was lost/, cause: String })
})

test('only its owner finds an answer; others, and wrong ids, get the same 404', async t => {
  const keys = { AUTH_MODE: 'api-key', API_KEYS: 'ann:ann-key,bob:bob-key' }
  const { url, id } = await answering(t, keys, { 'x-api-key': 'ann-key' })
  const foreign = [await get(url, id, { 'x-api-key': 'bob-key' }), await get(url, 'A'.repeat(22), { 'x-api-key': 'ann-key' }), await fetch(`${url}/api/chat/${id}`, { method: 'DELETE', headers: { 'x-api-key': 'bob-key' } })]
  for (const response of foreign) {
    t.equal(response.status, 404)
    t.equal(await response.text(), 'Error: Not found')
  }
  t.equal((await get(url, id)).status, 401)
  const mine = await get(url, id, { 'x-api-key': 'ann-key' })
  t.equal(mine.status, 200)
  await mine.body?.cancel()
})

test('an offset past the end is refused, and so is what is no offset', async t => {
  const { url, reply, id } = await answering(t)
  t.equal((await get(url, id, {}, '?offset=9')).status, 416)
  t.equal((await get(url, id, { ...sse, 'last-event-id': '9' })).status, 416)
  reply.end()
  for (const [headers, query] of [[{}, '?offset=-1'], [{}, '?offset=x'], [{ 'last-event-id': 'x' }, '']] as const) {
    const response = await get(url, id, headers, query)
    t.equal(response.status, 400)
    t.match(await response.json(), { errorType: 'invalid_request', issues: [{ path: /offset|last-event-id/ }] })
  }
})

test('a failure before the first byte has its status and leaves nothing to resume', async t => {
  const { url } = await pair(t, { '/chat/stream': json(500, { error: 'broken', errorType: 'sdk' }) })
  const response = await ask(url, { prompt: 'Hi', resumable: true }, { headers: sse })
  t.equal(response.status, 500)
  t.notOk(response.headers.get('x-stream-id'))
})

test('a client that leaves before it knows the id leaves nobody who could come back: the upstream is aborted at once', async t => {
  const { url, service, log } = await pair(t, { '/chat/stream': () => {} })
  const leaving = new AbortController()
  const asked = ask(url, { prompt: 'Hi', resumable: true }, { signal: leaving.signal })
  const { socket } = (await service.request()).raw
  const closed = once(socket, 'close')
  leaving.abort()
  await t.rejects(asked)
  await closed
  t.match(await log.ended(), { ended: 'client_left' })
})

test('a slow model\'s answer can be come back for before it has begun', async t => {
  let reply: ServerResponse | undefined
  const { url } = await pair(t, { '/chat/stream': slow => { reply = slow } }, { SSE_HEARTBEAT_MS: '20' })
  const leaving = new AbortController()
  const response = await ask(url, { prompt: 'Hi', resumable: true }, { headers: sse, signal: leaving.signal })
  const id = response.headers.get('x-stream-id') ?? ''
  leaving.abort()
  const again = await get(url, id, sse)
  reply?.writeHead(200).end('at last')
  t.match((await events(again)).map(({ event }) => event), ['start', 'delta', 'done'])
})

test('when there is no room for another, it is refused, and the others are left alone', async t => {
  const { url, reply, response } = await answering(t, { RESUME_MAX_BYTES: '8' })
  const refused = await ask(url, { prompt: 'Hi', resumable: true })
  t.equal(refused.status, 503)
  t.match(Object.fromEntries(refused.headers), { 'x-error-type': 'overloaded', 'retry-after': /\d/ })
  reply.end('!')
  t.match((await events(response)).at(-1), { event: 'done', data: { bytes: 9 } })
})

test('an answer of more than 4 MiB cannot be resumed, and says so', async t => {
  const { url, service } = await pair(t, { '/chat/stream': streams(Buffer.alloc(5_000_000, 'x')) })
  const told = await events(await ask(url, { prompt: 'Hi', resumable: true }, { headers: sse }))
  t.match(told.at(-1), { event: 'error', data: { errorType: 'answer_too_large' } })
  t.equal(service.requests.length, 1)
})

test('an answer that passes 4 MiB by the beginning of a character at its very end is no text', async t => {
  const { url } = await pair(t, { '/chat/stream': streams(Buffer.alloc(4 * 1024 * 1024, 'x'), Buffer.of(0xe2)) })
  const told = await events(await ask(url, { prompt: 'Hi', resumable: true }, { headers: sse }))
  t.match(told.at(-1), { event: 'error', data: { errorType: 'bad_reply' } })
})

test('a resumable answer takes no longer than STREAM_MAX_MS, readers or not', async t => {
  const { response } = await answering(t, { STREAM_MAX_MS: '100' })
  t.match((await events(response)).at(-1), { event: 'error', data: { errorType: 'max_duration' } })
})

test('when the drain is over, its reader is told to come back elsewhere, and from where', async t => {
  const { app, response, reply } = await answering(t, { DRAIN_TIMEOUT_MS: '20' })
  const closed = once(reply, 'close')
  app.close().catch(() => {})
  t.strictSame((await events(response)).at(-1), { event: 'reconnect', id: undefined, data: { after: 8 } })
  await closed
})

test('a forgotten answer is not found', async t => {
  const { url, reply, response, id } = await answering(t, { RESUME_TTL_MS: '30', RATE_LIMIT_MAX: '0' })
  reply.end()
  await response.text()
  while ((await get(url, id)).status !== 404) await new Promise(resolve => setImmediate(resolve))
  t.pass()
})

test('there is no HEAD of an answer: it would be a reader that reads for nobody', async t => {
  const { url, id } = await answering(t)
  t.equal((await fetch(`${url}/api/chat/${id}`, { method: 'HEAD' })).status, 404)
})
