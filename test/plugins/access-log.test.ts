import { EventEmitter, once } from 'node:events'
import { test } from 'tap'
import { Client } from 'undici'
import { ask, json, pair, type Script, streams } from '../helper.ts'
import { raw } from '../raw.ts'

const scripts: Record<string, Script> = { '/chat/stream': streams('the answer'), '/models': json(500, { error: 'it broke', errorType: 'sdk' }) }

test('a request leaves one line, with everything of it but what was said', async t => {
  const { url, log, service } = await pair(t, scripts, { COPILOT_SERVICE_TOKEN: 'service-token-1', AUTH_MODE: 'api-key', API_KEYS: 'web:web-key-1' })
  const before = log.lines.length
  const response = await fetch(`${url}/api/chat?access_token=query-token-1`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': 'web-key-1', cookie: 'session=cookie-1', 'x-request-id': 'one.1' },
    body: JSON.stringify({ prompt: 'the prompt', sessionId: 'the session', messages: [{ role: 'user', content: 'the history' }] })
  })
  await response.text()
  t.match(await log.ended(), {
    level: 30, requestId: 'one.1', caller: 'web', method: 'POST', route: '/api/chat', status: 200, delivery: 'stream', bytes: Number, firstByteMs: Number, durationMs: Number, ended: 'complete'
  })
  t.equal((await service.request()).headers.authorization, 'Bearer service-token-1')
  t.equal(log.lines.length, before + 1)
  t.notMatch(JSON.stringify(log.lines), /the prompt|the session|the history|the answer|query-token|web-key|cookie-1|service-token/)
})

test('bytes are those of the request, also on a connection that is used again', async t => {
  const { url, log } = await pair(t, { '/chat/stream': streams('x'.repeat(100_000)) })
  const connection = new Client(url)
  t.teardown(() => connection.close())
  for (const id of ['a', 'b']) {
    const { body } = await connection.request({ method: 'POST', path: '/api/chat', headers: { 'content-type': 'application/json', 'x-request-id': id }, body: '{"prompt":"Hi"}' })
    await body.text()
  }
  const [a, b] = [Number((await log.ended('a')).bytes), Number((await log.ended('b')).bytes)]
  t.ok(a > 100_000 && a < 102_000, String(a))
  t.ok(Math.abs(a - b) < 100)
})

test('bytes are those of the request, also of one that was pipelined', async t => {
  const sizes = [100_000, 10, 50_000]
  const { port, log } = await pair(t, { '/chat/stream': (reply, { json }) => reply.writeHead(200, { 'content-type': 'text/plain' }).end('x'.repeat(Number(json.prompt))) })
  const asked = sizes.map((size, place) => {
    const body = JSON.stringify({ prompt: String(size) })
    const last = place === sizes.length - 1 ? 'Connection: close\r\n' : ''
    return `POST /api/chat HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: of-${size}\r\n${last}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  })
  const told = await raw(port, asked.join(''))
  const counted = await Promise.all(sizes.map(async size => Number((await log.ended(`of-${size}`)).bytes)))
  for (const [place, size] of sizes.entries()) t.ok(Number(counted[place]) > size && Number(counted[place]) < size + 2000, `${size}: ${counted[place]}`)
  t.equal(counted.reduce((sum, bytes) => sum + bytes), told.length)
})

test('what the upstream failed stands out, with its kind', async t => {
  const { url, log } = await pair(t, scripts)
  t.equal((await fetch(`${url}/api/models?x=y`)).status, 500)
  const line = await log.ended()
  t.match(line, { level: 40, route: '/api/models', status: 500, ended: 'upstream_failed', errorType: 'sdk', error: 'it broke' })
  t.notOk('delivery' in line)
  t.notOk('firstByteMs' in line)
})

test('probes and scrapes are for those who debug', async t => {
  const { url, log } = await pair(t, scripts)
  for (const path of ['/health', '/health/live', '/health/ready', '/metrics']) await fetch(url + path, { headers: { 'x-request-id': path.replaceAll('/', '.') } })
  for (const id of ['.health', '.health.live', '.health.ready', '.metrics']) t.match(await log.ended(id), { level: 20, ended: 'complete' })
})

test('a scrape that is refused is for everybody', async t => {
  const { url, log } = await pair(t, scripts, { METRICS_TOKEN: 'scrapes' })
  await fetch(`${url}/metrics`)
  t.match(await log.ended(), { level: 30, route: '/metrics', status: 401 })
})

test('a route that does not exist is logged without its path, which may hold anything', async t => {
  const { url, log } = await pair(t, scripts)
  await fetch(`${url}/reset/secret-link-1?x=secret-2`)
  const line = await log.ended()
  t.match(line, { level: 30, method: 'GET', status: 404, errorType: 'not_found', ended: 'complete' })
  t.notOk('route' in line)
  t.notMatch(JSON.stringify(log.lines), /secret-/)
})

test('a client that leaves before there is a reply leaves a line without a status', async t => {
  const { url, log, service } = await pair(t, { '/chat/stream': () => {} })
  const client = new AbortController()
  const asked = ask(url, undefined, { signal: client.signal })
  await service.request()
  client.abort()
  await t.rejects(asked)
  const line = await log.ended()
  t.match(line, { level: 30, route: '/api/chat', ended: 'client_left' })
  t.notOk('status' in line)
})

test('the bytes of pipelined replies are together those of their connection', async t => {
  const told = new EventEmitter()
  const { port, log } = await pair(t, {
    '/chat/stream': async (reply, { json }) => {
      reply.writeHead(200, { 'content-type': 'text/plain' }).write('one ')
      // What is told meanwhile waits behind this reply, and is written as soon as it is over.
      if (json.prompt === 'first') await once(told, 'the last')
      reply.end('two', () => { if (json.prompt === 'last') setImmediate(() => told.emit('the last')) })
    }
  })
  const question = (prompt: string, accept: string, more = '') => {
    const body = JSON.stringify({ prompt })
    return `POST /api/chat HTTP/1.1\r\nHost: localhost\r\nAccept: ${accept}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n${more}\r\n${body}`
  }
  const received = await raw(port, question('first', 'text/plain') + question('second', 'text/event-stream') + 'GET /api/chat/unknown HTTP/1.1\r\nHost: localhost\r\n\r\n' + question('last', 'text/plain', 'Connection: close\r\n'))
  const ended = () => log.lines.filter(({ msg }) => msg === 'request ended')
  while (ended().length < 4) await once(log, 'line')
  t.equal(ended().reduce((sum, { bytes }) => sum + Number(bytes), 0), Buffer.byteLength(received))
})
