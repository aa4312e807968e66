import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'tap'
import { build, pair, streams } from '../helper.ts'
import { raw } from '../raw.ts'

const nowhere = { COPILOT_SERVICE_URL: 'http://127.0.0.1:9' }

test('a header block of 20 KB → 431', async t => {
  const { port } = await build(t, nowhere)
  const reply = await raw(port, `GET /health HTTP/1.1\r\nHost: localhost\r\nX-Long: ${'x'.repeat(20_000)}\r\n\r\n`)
  t.match(reply, /^HTTP\/1\.1 431 Request Header Fields Too Large\r\n/)
  t.match(reply, /\r\nX-Error-Type: invalid_request\r\n/i)
  t.match(reply, /\r\nX-Request-Id: [\da-f-]{36}\r\n/i)
  t.match(reply, /\r\n\r\nError: Invalid request: Request Header Fields Too Large$/)
})

test('bytes that are no HTTP → 400', async t => {
  const { port } = await build(t, nowhere)
  for (const bytes of ['hello\r\n\r\n', 'GET / HTTP/9.9\r\n\r\n', 'GET /health HTTP/1.1\r\nHost: localhost\r\nbad header\r\n\r\n', 'POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', Buffer.from([0x16, 3, 1, 2, 0, 1, 0])]) {
    const reply = await raw(port, bytes)
    t.match(reply, /^HTTP\/1\.1 400 Bad Request\r\n/, String(bytes))
    t.match(reply, /\r\nX-Error-Type: invalid_request\r\n/i)
    t.match(reply, /\r\nX-Request-Id: [\da-f-]{36}\r\n/i)
    t.match(reply, /\r\nConnection: close\r\n\r\nError: Invalid request: Bad Request$/)
  }
})

test('a request without a host → 400', async t => {
  const { port } = await build(t, nowhere)
  t.match(await raw(port, 'GET /health HTTP/1.1\r\n\r\n'), /^HTTP\/1\.1 400 /)
})

test('a URL that cannot be decoded → 400, with the headers of any error', async t => {
  const { url, log } = await build(t, nowhere)
  for (const path of ['/%E0%A4%A', '/%', '/api/%ff%']) {
    const response = await fetch(`${url}${path}?token=hush`, { headers: { 'x-request-id': 'odd.1' } })
    t.equal(response.status, 400, path)
    t.match(Object.fromEntries(response.headers), { 'content-type': 'text/plain; charset=utf-8', 'x-error-type': 'invalid_request', 'x-request-id': 'odd.1' })
    t.match(await response.text(), /^Error: Invalid request/)
  }
  const response = await fetch(`${url}/%`, { headers: { accept: 'application/json' } })
  t.match(await response.json(), { errorType: 'invalid_request' })
  t.notMatch(JSON.stringify(log.lines), /hush/)
})

test('bytes that are no HTTP behind a request that is being answered do not end up in its answer', async t => {
  const { port, service } = await pair(t, { '/chat/stream': reply => { reply.writeHead(200, { 'content-type': 'text/plain' }).write('partial') } })
  const socket = connect(port, '127.0.0.1')
  let received = ''
  socket.on('data', chunk => { received += String(chunk) }).on('error', () => {})
  socket.write('POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{"prompt":"Hi"}')
  while (!received.includes('partial')) await once(socket, 'data')
  socket.write('\u0000no HTTP\r\n\r\n')
  await once(socket, 'close')
  t.notMatch(received, /Error: /)
  t.notMatch(received, /0\r\n\r\n$/)
  const { socket: upstream } = (await service.request()).raw
  if (!upstream.destroyed) await once(upstream, 'close')
})

test('a client that resets its connection is owed nothing and leaves the gateway as it was', async t => {
  const { url, port } = await pair(t, { '/chat/stream': streams('fine') })
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  socket.write('GET /hea')
  socket.resetAndDestroy()
  t.equal((await fetch(`${url}/health`)).status, 200)
})
