import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { test } from 'tap'
import { serverOptions } from '../lib/server-options.ts'
import { requestText, WireClient } from './faults/client.ts'
import { build, closeOf, drainSocket, pair, type Script, unixSocket } from './helper.ts'
import { raw } from './raw.ts'

const nowhere = { COPILOT_SERVICE_URL: 'http://127.0.0.1:9' }

/** The gateway's own bounds, in a fraction of the time. */
const soon = { headersTimeout: 20, requestTimeout: 40, keepAliveTimeout: 20 }
const connectionsCheckingInterval = 20

const head = 'POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n'
const probe = 'GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n'

const begins: Script = reply => reply.writeHead(200, { 'content-type': 'text/plain' }).write('half an ')

test('whoever sends nothing, headers too slowly, or a body too slowly, is told 408 and left', async t => {
  const { app, port, log } = await build(t, nowhere, '127.0.0.1', { connectionsCheckingInterval })
  const patient = { headersTimeout: app.server.headersTimeout, requestTimeout: app.server.requestTimeout }
  for (const [bytes, arrival] of [
    ['', 'connection'],
    ['GET /health HTTP/1.1\r\nHost: localhost\r\n', 'connection'],
    [`${head}X-Request-Id: slow.1\r\nContent-Length: 100\r\n\r\n{`, 'request'],
    [`${head}Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n`, 'request']
  ] as const) {
    // What is sent in time must have arrived before time is short, on a machine of any speed.
    Object.assign(app.server, patient)
    const arrived = once(app.server, arrival)
    const replied = raw(port, bytes)
    await arrived
    Object.assign(app.server, soon)
    const reply = await replied
    t.match(reply, /^HTTP\/1\.1 408 Request Timeout\r\n/, JSON.stringify(bytes))
    t.match(reply, /\r\nX-Error-Type: invalid_request\r\n/i)
    t.match(reply, /\r\nX-Request-Id: \S+\r\n/i)
    t.match(reply, /\r\nConnection: close\r\n\r\nError: Invalid request: Request Timeout$/i)
    if (bytes.includes('slow.1')) t.match(reply, /\r\nX-Request-Id: slow\.1\r\n/i)
  }
  t.match(await log.ended('slow.1'), { ended: 'complete', errorType: 'invalid_request', error: 'Invalid request: Request Timeout' })
})

test('a body that breaks off HTTP is told 400', async t => {
  const { port } = await build(t, nowhere)
  const broken = 'Transfer-Encoding: chunked\r\n\r\nno size\r\n'
  t.match(await raw(port, `${head}${broken}`), /^HTTP\/1\.1 400 Bad Request\r\n[^]*\r\n\r\nError: Invalid request: Bad Request$/)
  t.match(await raw(port, `${head}Accept: application/json\r\n${broken}`), /\r\n\r\n\{"error":"Invalid request: Bad Request","errorType":"invalid_request"/)
  const completion = await raw(port, `${head.replace('/api/chat', '/v1/chat/completions')}${broken}`)
  t.match(completion, /^HTTP\/1\.1 400 Bad Request\r\n[^]*\r\ncontent-type: application\/json/i)
  t.match(JSON.parse(completion.split('\r\n\r\n')[1] ?? ''), { error: { type: 'invalid_request_error', code: 'invalid_request', param: null } })
})

test('a request that never gets whole is no part of the answer before it', async t => {
  const { app, port } = await pair(t, { '/chat/stream': begins }, {}, '127.0.0.1', { connectionsCheckingInterval })
  const client = new WireClient(port, [requestText({ accept: 'text/plain', id: 'first.1' })]).read()
  await client.seen('half an ')
  client.socket.write(`${head}Content-Length: 100\r\n\r\n{`)
  // Only now, so that the answer has begun by then on a machine of any speed.
  Object.assign(app.server, soon)
  const [response] = await client.over()
  t.match(response, { status: 200, whole: false })
  t.equal(response?.body.toString(), 'half an ')
})

test('a flood of headers is told 431, whether they are long or many', async t => {
  const { port } = await build(t, nowhere)
  for (const flood of [`X-Long: ${'x'.repeat(20_000)}\r\n`, 'a: b\r\n'.repeat(10_000)]) {
    t.match(await raw(port, `GET /health HTTP/1.1\r\nHost: localhost\r\n${flood}\r\n`), /^HTTP\/1\.1 431 Request Header Fields Too Large\r\n/)
  }
})

test('none of the bounds cuts an answer, whatever its silences', async t => {
  let finish = (): void => {}
  const { app, port } = await pair(t, {
    '/chat/stream': (reply, request) => {
      begins(reply, request)
      finish = () => reply.end('answer')
    }
  }, {}, '127.0.0.1', { connectionsCheckingInterval })
  const client = new WireClient(port, [requestText({ accept: 'text/plain', id: 'slow.1' })]).read()
  await client.seen('half an ')
  Object.assign(app.server, soon)
  // While the model thinks, each of the bounds is met by somebody else.
  for (const bytes of ['', `${head}Content-Length: 100\r\n\r\n{`, probe]) await raw(port, bytes)
  finish()
  const [response] = await client.over()
  t.match(response, { status: 200, whole: true })
  t.equal(response?.body.toString(), 'half an answer')
})

test('a balancer closes first, and silence is not for Node to judge', async t => {
  t.match(serverOptions({}), { keepAliveTimeout: 72_000, connectionTimeout: 0 })
})

test('of the requests that are sent at once, a hundred are held behind an answer; the last reply says that it is the last', async t => {
  let finish = (): void => {}
  const { app, port, log, service } = await pair(t, {
    '/chat/stream': (reply, request) => {
      begins(reply, request)
      finish = () => reply.end('answer')
    }
  })
  const refused = new Promise<void>(resolve => {
    let count = 0
    app.server.on('dropRequest', () => { if (++count === 50) resolve() })
  })
  const socket = connect(port, '127.0.0.1')
  const received = drainSocket(socket)
  socket.write(requestText({ accept: 'text/plain', id: 'first.1' }) + probe.repeat(149))
  await Promise.all([refused, service.request()])
  while (app.lifecycle.inFlight < 100) await setImmediate()
  t.equal(app.lifecycle.inFlight, 100)
  finish()
  const { text } = await received
  t.equal(text.match(/HTTP\/1\.1 /g)?.length, 100)
  t.equal(text.match(/HTTP\/1\.1 200 /g)?.length, 100)
  t.match(text.slice(text.lastIndexOf('HTTP/1.1 ')), /\r\nConnection: close\r\n/i)
  t.equal((await log.ended('first.1')).ended, 'complete')
  await app.lifecycle.idle()
})

test('a connection with too many replies waiting is not read on', async t => {
  const { app, ...gateway } = await pair(t, { '/chat/stream': begins })
  const connection = once(app.server, 'connection')
  const socket = connect(await unixSocket(t, { app, ...gateway })).on('error', () => {})
  socket.write(requestText({ accept: 'text/plain', id: 'first.1' }))
  const [atGateway]: Socket[] = await connection
  t.ok(atGateway)
  if (!atGateway) return
  const paused = once(atGateway, 'pause')
  const flood = probe.repeat(100_000)
  socket.write(flood)
  await paused
  t.ok(atGateway.bytesRead < flood.length / 2, `${atGateway.bytesRead} bytes were read`)
  socket.destroy()
  await closeOf(atGateway)
})

test('a reader that takes nothing of whatever it asked for is cut', async t => {
  const gateway = await build(t, { ...nowhere, CLIENT_STALL_TIMEOUT_MS: '50' })
  const socket = connect(await unixSocket(t, gateway)).on('error', () => {})
  socket.write('GET /docs/static/swagger-ui-bundle.js HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: stalled.1\r\n\r\n')
  t.match(await gateway.log.ended('stalled.1'), { ended: 'client_stalled', errorType: 'client_stalled' })
  await closeOf(socket.resume())
})
