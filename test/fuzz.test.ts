import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { test } from 'tap'
import { ask, pair, streams } from './helper.ts'
import { raw } from './raw.ts'

// Limits would answer for the routes that are meant.
const quiet = { LOG_LEVEL: 'silent', RATE_LIMIT_MAX: '1000000' }

const chat = 'POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 18\r\nConnection: close\r\n\r\n{"prompt":"Hello"}'

/** Bytes that are no HTTP at all, and those of a request of which some are others, or more, or missing. */
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc.tuple(fc.nat(chat.length), fc.nat(20), fc.uint8Array({ maxLength: 20 })).map(([at, missing, others]) => Buffer.concat([
    Buffer.from(chat.slice(0, at)), others, Buffer.from(chat.slice(at + missing))
  ]))
)

/** A body that is nearly one of a chat request. */
const value = fc.oneof(fc.string({ maxLength: 20 }), fc.jsonValue({ maxDepth: 2 }), fc.constant('x'.repeat(20_001)))
const body = fc.oneof(fc.jsonValue({ maxDepth: 3 }), fc.record({
  prompt: value, mode: value, model: value, sessionId: value, messages: fc.oneof(value, fc.array(fc.record({ role: value, content: value }, { requiredKeys: [] }), { maxLength: 3 }))
}, { requiredKeys: [] }))

/** Resolves with the heap that is in use once nothing is left to collect. */
function heap (): number {
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  if (typeof collect === 'function') collect()
  return process.memoryUsage().heapUsed
}

test('any bytes get a whole refusal of the contract, an answer, or nothing, and the gateway goes on', async t => {
  const { url, port } = await pair(t, { '/chat/stream': streams('fine') }, quiet, '127.0.0.1', { headersTimeout: 50, requestTimeout: 50, connectionsCheckingInterval: 20, keepAliveTimeout: 20 })
  await fc.assert(fc.asyncProperty(bytes, async bytes => {
    const [head = '', text = ''] = (await raw(port, Buffer.from(bytes))).split('\r\n\r\n')
    if (head === '' || /^HTTP\/1\.1 200 /.test(head)) return
    return /^HTTP\/1\.1 [45]\d\d /.test(head) && /\r\nX-Error-Type: \w+/i.test(head) && /\r\nX-Request-Id: \S/i.test(head) && /^(Error: |{"error":")/.test(text)
  }), { seed: 26, numRuns: 200, interruptAfterTimeLimit: 6_000 })
  t.equal((await fetch(`${url}/health`)).status, 200)
})

test('any JSON is answered or refused as the contract says', async t => {
  const { url } = await pair(t, { '/chat/stream': streams('fine') }, quiet)
  await fc.assert(fc.asyncProperty(body, async body => {
    const response = await ask(url, body)
    const text = await response.text()
    if (response.status === 200) return text === 'fine'
    return response.status === 400 && response.headers.get('x-error-type') === 'invalid_request' && JSON.parse(text).requestId === response.headers.get('x-request-id')
  }), { seed: 26, numRuns: 200, interruptAfterTimeLimit: 6_000 })
  t.equal((await fetch(`${url}/health`)).status, 200)
})

test('requests leave nothing behind in memory', async t => {
  const { app, port } = await pair(t, {}, quiet)
  const requests = [
    'GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n',
    'GET /health HTTP/1.1\r\nHost: rebound.example.com\r\n\r\n',
    'POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 1\r\n\r\nx',
    'POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}'
  ].join('')
  const flood = async (connections: number): Promise<void> => {
    for (let connection = 0; connection < connections; connection++) await raw(port, requests.repeat(20), 'no HTTP\r\n\r\n')
    await app.lifecycle.idle()
  }
  await flood(20)
  const before = heap()
  await flood(40)
  const perRequest = (heap() - before) / (40 * 80)
  // A request that is kept is some 10 KB.
  t.ok(perRequest < 1_000, `${perRequest.toFixed()} bytes for each request`)
})
