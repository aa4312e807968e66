import { createHash } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { test } from 'tap'
import { ask, events, json, pair, streams } from '../helper.ts'

const sse = { headers: { accept: 'text/event-stream' } }

const accepted: Array<[string, string]> = [
  ['text/event-stream', 'text/event-stream'],
  ['text/event-stream, */*;q=0.1', 'text/event-stream'],
  ['text/plain;q=0.5, text/event-stream', 'text/event-stream'],
  ['text/plain, text/event-stream;q=0.9', 'text/plain'],
  ['text/event-stream;charset=utf-8', 'text/event-stream'],
  ['text/event-stream; charset="utf-8, q=0;q=0"; version=1;q=1, text/plain;q=0.9', 'text/event-stream'],
  ['Text/Event-Stream ; x', 'text/event-stream'],
  ['text/plain;charset=utf-8, text/event-stream;charset=utf-8;q=0.5', 'text/plain'],
  ['text/event-stream;charset=utf-8;q=0', 'text/plain'],
  ['', 'text/plain'],
  ['text/event-stream;q=0', 'text/plain'],
  ['*/*', 'text/plain'],
  ['text/*', 'text/plain'],
  ['application/json', 'text/plain']
]
for (const [accept, type] of accepted) {
  test(`Accept: ${accept} gets ${type}`, async t => {
    const { url } = await pair(t, { '/chat/stream': streams('x') })
    const response = await ask(url, undefined, { headers: { accept } })
    t.match(response.headers.get('content-type'), type)
    await response.text()
  })
}

test('an answer is told as events, with size and digest at its end', async t => {
  const { url, log } = await pair(t, { '/chat/stream': streams('Hällo\n', '🌍') })
  const response = await ask(url, { prompt: 'Hi', model: 'm' }, { headers: { ...sse.headers, 'x-request-id': 'r1' } })

  t.match(Object.fromEntries(response.headers), {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
    'x-copilot-delivery': 'stream',
    'x-request-id': 'r1'
  })
  t.notOk(response.headers.get('x-stream-id'))
  t.strictSame(await events(response), [
    { event: 'start', id: undefined, data: { requestId: 'r1', delivery: 'stream', model: 'm' } },
    { event: 'delta', id: '7', data: { text: 'Hällo\n' } },
    { event: 'delta', id: '11', data: { text: '🌍' } },
    { event: 'done', id: '11.end', data: { reason: 'complete', finishReason: null, bytes: 11, sha256: createHash('sha256').update('Hällo\n🌍').digest('hex') } }
  ])
  t.match(await log.ended('r1'), { ended: 'complete', delivery: 'stream' })
})

test('a buffered answer is told as events, too', async t => {
  const { url } = await pair(t, { '/chat': json(200, { output: 'whole' }) })
  t.match(await events(await ask(url, undefined, sse)), [
    { event: 'start', data: { delivery: 'buffered' } },
    { event: 'delta', id: '5', data: { text: 'whole' } },
    { event: 'done' }
  ])
})

test('a failure before the first byte is a status with JSON', async t => {
  const { url } = await pair(t, { '/chat/stream': json(429, { error: 'slow down' }, { 'retry-after': '7' }) })
  const response = await ask(url, undefined, sse)
  t.equal(response.status, 429)
  t.equal(response.headers.get('retry-after'), '7')
  t.match(response.headers.get('content-type'), 'application/json')
  t.match(await response.json(), { error: 'Copilot is rate limiting: slow down', errorType: 'rate_limited', requestId: String })
})

test('a failure after the first byte is an event, and then a clean end', async t => {
  const { url, log } = await pair(t, { '/chat/stream': reply => reply.writeHead(200).write('half', () => reply.destroy()) })
  const told = await events(await ask(url, undefined, sse))
  t.match(told.at(-1), { event: 'error', data: { errorType: 'connection', status: 503, retryable: true, bytes: 4 } })
  t.equal(told.length, 3)
  t.match(await log.ended(), { ended: 'upstream_failed', errorType: 'connection', status: 200, level: 40 })
})

test('a slow model shows that it lives; the answer follows', async t => {
  let reply: ServerResponse | undefined
  const { url } = await pair(t, { '/chat/stream': slow => { reply = slow } }, { SSE_HEARTBEAT_MS: '20' })
  const response = await ask(url, undefined, sse)
  t.equal(response.status, 200)
  t.notOk(response.headers.get('x-copilot-delivery'), 'nobody knows yet')
  reply?.writeHead(200).end('at last')
  const wire = await response.text()
  t.match(wire, /^(: keep-alive\n)+event: start\n/)
  t.match(wire, /"at last"/)
})

test('a slow model that fails in the end fails as an event', async t => {
  let reply: ServerResponse | undefined
  const { url, log } = await pair(t, { '/chat/stream': slow => { reply = slow } }, { SSE_HEARTBEAT_MS: '20' })
  const response = await ask(url, undefined, sse)
  reply?.writeHead(401, { 'content-type': 'application/json' }).end('{"error":"expired","errorType":"auth"}')
  t.match(await events(response), [{ event: 'error', data: { errorType: 'auth', status: 401, message: /^GitHub Copilot authentication failed/, retryable: false, bytes: 0 } }])
  t.match(await log.ended(), { status: 200, ended: 'upstream_failed', errorType: 'auth' })
})

test('a client that leaves a slow model aborts the upstream', async t => {
  const { url, service, log } = await pair(t, { '/chat/stream': () => {} }, { SSE_HEARTBEAT_MS: '20', DEMO_PAGE: 'off' })
  const leaving = new AbortController()
  await ask(url, undefined, { ...sse, signal: leaving.signal })
  const { socket } = (await service.request()).raw
  const closed = new Promise(resolve => socket.once('close', resolve))
  leaving.abort()
  await closed
  t.match(await log.ended(), { ended: 'client_left' })
  t.notOk(log.lines.some(({ level }) => level > 30))
})

test('an answer that outlasts the drain is told so', async t => {
  const { app, url, log } = await pair(t, { '/chat/stream': reply => reply.writeHead(200).write('half') }, { DRAIN_TIMEOUT_MS: '20' })
  const response = await ask(url, undefined, sse)
  app.close().catch(() => {})
  t.match((await events(response)).at(-1), { event: 'error', data: { errorType: 'draining', retryable: true, bytes: 4 } })
  t.match(await log.ended(), { ended: 'drained' })
})

test('a slow model that outlasts the drain is told so', async t => {
  const { app, url } = await pair(t, { '/chat/stream': () => {} }, { DRAIN_TIMEOUT_MS: '20', SSE_HEARTBEAT_MS: '10' })
  const response = await ask(url, undefined, sse)
  app.close().catch(() => {})
  t.match(await events(response), [{ event: 'error', data: { errorType: 'draining', bytes: 0 } }])
})
