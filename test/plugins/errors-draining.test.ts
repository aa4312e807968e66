import { EventEmitter, once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'tap'
import { ask, pair } from '../helper.ts'

test('a request that arrives while the gateway shuts down → 503 draining, and the connection closes', async t => {
  const held = new EventEmitter()
  const { app, url, port, service } = await pair(t, {
    '/chat/stream': async reply => {
      reply.writeHead(200, { 'content-type': 'text/plain' }).write('first ')
      await once(held, 'release')
      reply.end('last')
    }
  }, { DRAIN_TIMEOUT_MS: '30000' })
  // As long as this answer goes on, the gateway does.
  const inFlight = await ask(url)
  const socket = connect(port, '127.0.0.1')
  let received = ''
  socket.on('data', chunk => { received += String(chunk) })
  // A request that has begun keeps its connection from being closed as idle.
  const connected = once(app.server, 'connection')
  socket.write('POST /api/chat HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: late.1\r\n')
  const [serverSide] = await connected
  await once(serverSide, 'data')

  const closed = app.close()
  while (app.lifecycle.phase !== 'closed') await new Promise(resolve => setImmediate(resolve))
  socket.write('Content-Type: application/json\r\nContent-Length: 15\r\n\r\n{"prompt":"Hi"}')
  await once(socket, 'close')
  held.emit('release')
  t.equal(await inFlight.text(), 'first last')
  await closed

  t.match(received, /^HTTP\/1\.1 503 Service Unavailable\r\n/)
  for (const header of ['x-error-type: draining', 'x-request-id: late.1', 'retry-after: 5', 'connection: close']) t.match(received, new RegExp(`\r\n${header}\r\n`, 'i'))
  t.match(received, /\r\n\r\nError: The gateway is shutting down$/)
  t.equal(service.requests.length, 1)
})
