import dns from 'node:dns'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { test } from 'tap'
import { ask, drainSocket, pair, rawAsk, streams } from '../helper.ts'

/** An upstream that sends the beginning of an answer and leaves the rest to the test. */
function begun (): { replies: ServerResponse[], scripts: Parameters<typeof pair>[1] } {
  const replies: ServerResponse[] = []
  return {
    replies,
    scripts: {
      '/chat/stream': reply => {
        replies.push(reply)
        reply.writeHead(200, { 'content-type': 'text/plain' }).write('first ')
      }
    }
  }
}

test('an answer in flight goes on to its end while new connections are refused', async t => {
  const { replies, scripts } = begun()
  const { app, url, log } = await pair(t, scripts, { DRAIN_TIMEOUT_MS: '30000' })
  const response = await ask(url)
  const closed = app.close()
  await log.line(({ msg }) => msg === 'draining')
  while (app.server.listening) await new Promise(resolve => setImmediate(resolve))

  await t.rejects(fetch(`${url}/health`), 'nobody new is let in')
  replies[0]?.end('last')
  t.equal(await response.text(), 'first last')
  await closed
  t.match(await log.ended(), { ended: 'complete' })
  t.equal(app.lifecycle.cut, 0)
})

test('an answer on the second address of localhost goes on to its end, too', async t => {
  // On some machines localhost is one address only. Node asks for one, without options, and Fastify for all.
  const addresses = ['127.0.0.1', '127.0.0.2'].map(address => ({ address, family: 4 }))
  t.intercept(dns, 'lookup', {
    value: (host: string, ...[done, doneAll]: Array<(error: null, ...found: unknown[]) => void>) => {
      if (doneAll) doneAll(null, addresses)
      else done?.(null, host === 'localhost' ? '127.0.0.1' : host, 4)
    }
  })
  const { replies, scripts } = begun()
  const { app, port } = await pair(t, scripts, { DRAIN_TIMEOUT_MS: '30000' }, 'localhost')
  const response = await ask(`http://127.0.0.2:${port}`, undefined, { headers: { connection: 'close' } })
  const closed = app.close()
  if (app.server.listening) await once(app.server, 'close')
  for (let turn = 0; turn < 10; turn++) await new Promise(resolve => setImmediate(resolve))
  replies[0]?.end('last')
  t.equal(await response.text(), 'first last')
  await closed
})

test('an answer that outlasts DRAIN_TIMEOUT_MS is cut, not ended, and counted', async t => {
  const { scripts } = begun()
  const { app, url, service, log } = await pair(t, scripts, { DRAIN_TIMEOUT_MS: '50' })
  const response = await ask(url)
  const upstreamClosed = once((await service.request()).raw.socket, 'close')

  await t.rejects(app.close(), { message: '1 answer was cut at shutdown' })
  await t.rejects(response.text())
  await upstreamClosed
  t.match(await log.ended(), { ended: 'drained', status: 200, level: 40 })
  t.match(await log.line(({ cut }) => cut !== undefined), { cut: 1, level: 40 })
})

test('cut at shutdown, an HTTP/1.0 client sees a reset', async t => {
  const { scripts } = begun()
  const { app, port, service } = await pair(t, scripts, { DRAIN_TIMEOUT_MS: '50' })
  const socket = await rawAsk(port, undefined, '1.0')
  await service.request()
  await once(socket, 'readable')
  app.close().catch(() => {})
  t.equal((await drainSocket(socket)).code, 'ECONNRESET')
})

test('a request that has no byte yet when the drain is over is told so', async t => {
  const { app, url, service, log } = await pair(t, { '/chat/stream': () => {} }, { DRAIN_TIMEOUT_MS: '50' })
  const asked = ask(url)
  await service.request()
  const closing = app.close()
  const response = await asked
  t.equal(response.status, 503)
  t.match(Object.fromEntries(response.headers), { 'x-error-type': 'draining', 'retry-after': /^\d+$/, connection: 'close' })
  t.equal(await response.text(), 'Error: The gateway is shutting down')
  await t.rejects(closing)
  t.match(await log.ended(), { ended: 'drained', status: 503 })
})

test('during DRAIN_DELAY_MS readiness is 503 and requests are still served', async t => {
  const { app, url, log } = await pair(t, { '/chat/stream': streams('served') }, { DRAIN_DELAY_MS: '500' })
  t.match(await (await fetch(`${url}/health/ready`)).json(), { ready: true, phase: 'serving' })
  const closed = app.close()
  await log.line(({ msg }) => msg === 'draining')

  const ready = await fetch(`${url}/health/ready`)
  t.equal(ready.status, 503)
  t.match(await ready.json(), { ready: false, phase: 'draining' })
  t.equal((await fetch(`${url}/health/live`)).status, 200)
  const response = await ask(url)
  t.equal(response.headers.get('connection'), 'close', 'and whoever keeps connections makes no more use of this one')
  t.equal(await response.text(), 'served')
  await closed
})

test('a request on a connection that is kept by an answer in flight is refused once the listener is closed', async t => {
  const { replies, scripts } = begun()
  const { app, port, service } = await pair(t, scripts, { DRAIN_TIMEOUT_MS: '30000' })
  const socket = await rawAsk(port)
  await service.request()
  const closed = app.close()
  while (app.server.listening) await new Promise(resolve => setImmediate(resolve))
  // Pipelined: it is read now, and answered when the answer before it is over.
  socket.write('GET /api/models HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await once(app.server, 'request')
  replies[0]?.end('last')
  const { text } = await drainSocket(socket)
  t.match(text, /last\r\n0\r\n\r\nHTTP\/1.1 503 Service Unavailable/)
  t.match(text, /x-error-type: draining/i)
  t.match(text, /connection: close/i)
  await closed
})

test('what is pipelined behind a request that is refused with the end of its connection holds nothing up', async t => {
  const { replies, scripts } = begun()
  const { app, url, port } = await pair(t, scripts, { DRAIN_TIMEOUT_MS: '30000' })
  const silent = connect(port, '127.0.0.1')
  await once(silent, 'connect')
  const response = await ask(url)
  const closed = app.close()
  while (app.server.listening) await new Promise(resolve => setImmediate(resolve))
  silent.write('GET /api/models HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(2))
  t.match((await drainSocket(silent)).text, /^HTTP\/1.1 503 [^]*Error: The gateway is shutting down$/)
  replies[0]?.end('last')
  t.equal(await response.text(), 'first last')
  await closed
  t.equal(app.lifecycle.inFlight, 0)
})

test('neither a kept-alive connection nor one that never asked holds the process', async t => {
  const { app, url, port } = await pair(t, { '/chat/stream': streams('ok') })
  const silent = connect(port, '127.0.0.1').on('error', () => {})
  await once(silent, 'connect')
  await (await ask(url)).text()
  const gone = once(silent, 'close')
  await app.close()
  await gone
})

test('a reader that does not take even the end holds the process for a moment only', async t => {
  let taken = 0
  const { app, port, log } = await pair(t, {
    '/chat/stream': reply => {
      reply.writeHead(200, { 'content-type': 'text/plain' })
      for (let chunk = 0; chunk < 1024; chunk++) reply.write(Buffer.alloc(65_536, 32), () => { taken++ })
    }
  })
  const socket = await rawAsk(port)
  await once(socket, 'readable')
  // Until all the buffers between the two ends are full.
  for (let before = -1, turns = 0; turns < 500; turns = taken === before ? turns + 1 : 0, before = taken) await new Promise(resolve => setImmediate(resolve))

  await t.rejects(app.close(), { message: '1 answer was cut at shutdown' })
  t.match(await log.ended(), { ended: 'drained' })
  socket.destroy()
})
