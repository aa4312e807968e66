import type { Socket } from 'node:net'
import { test } from 'tap'
import { ask, closeOf, drainSocket, events, pair, rawAsk, type Script } from '../helper.ts'

const endless: Script = reply => {
  reply.writeHead(200, { 'content-type': 'text/plain' })
  const tick = setInterval(() => reply.write('more '), 5)
  reply.once('close', () => clearInterval(tick))
}
/** Writes as fast as it is taken, without an end. */
const flood: Script = reply => {
  reply.writeHead(200, { 'content-type': 'text/plain' })
  const write = (): void => { while (!reply.destroyed && reply.write('x'.repeat(16_384))); }
  reply.on('drain', write)
  write()
}

test('an answer that goes on for STREAM_MAX_MS is cut, and its upstream aborted', async t => {
  const { url, service, log } = await pair(t, { '/chat/stream': endless }, { STREAM_MAX_MS: '100' })
  const response = await ask(url)
  const { socket } = (await service.request()).raw
  await Promise.all([t.rejects(response.text()), closeOf(socket)])
  t.match(await log.ended(), { ended: 'max_duration', errorType: 'max_duration' })
})

test('STREAM_MAX_MS counts before the first byte, too', async t => {
  const silences: Array<Record<string, Script>> = [
    { '/chat/stream': () => {} },
    { '/chat/stream': reply => reply.writeHead(500).write('{"error":') },
    { '/chat': reply => reply.writeHead(200).write('{"output":') }
  ]
  for (const scripts of silences) {
    const { url, log } = await pair(t, scripts, { STREAM_MAX_MS: '100' })
    for (const resumable of [false, true]) {
      const response = await ask(url, { prompt: 'Hi', resumable }, { headers: { 'x-request-id': `resumable-${resumable}` } })
      t.equal(response.status, 504)
      t.equal(response.headers.get('x-error-type'), 'max_duration')
      t.match(await log.ended(`resumable-${resumable}`), { ended: 'max_duration', errorType: 'max_duration' })
    }
  }
})

test('as events, it ends with the error', async t => {
  const { url, log } = await pair(t, { '/chat/stream': endless }, { STREAM_MAX_MS: '100' })
  const response = await ask(url, undefined, { headers: { accept: 'text/event-stream' } })
  t.match((await events(response)).at(-1), { event: 'error', data: { errorType: 'max_duration', status: 504, retryable: false } })
  t.match(await log.ended(), { ended: 'max_duration' })
})

for (const accept of ['text/plain', 'text/event-stream']) {
  test(`a reader of ${accept} that takes nothing while bytes wait is cut, and its upstream aborted`, async t => {
    const { port, service, log } = await pair(t, { '/chat/stream': flood }, { CLIENT_STALL_TIMEOUT_MS: '150' })
    const socket = await rawAsk(port, undefined, '1.1', { accept })
    socket.pause()
    const { socket: upstream } = (await service.request()).raw
    await closeOf(upstream)
    t.match(await log.ended(), { ended: 'client_stalled', errorType: 'client_stalled' })
    t.notMatch((await drainSocket(socket)).text, /\r\n0\r\n\r\n$/)
  })
}

test('a reader of HTTP/1.0, who would take an end for that of the answer, sees a reset', async t => {
  const { app, port, log } = await pair(t, { '/chat/stream': flood }, { CLIENT_STALL_TIMEOUT_MS: '150' })
  let resets: () => unknown[] = () => []
  // Node's own reader takes a reset behind bytes for an end.
  app.server.once('connection', (connection: Socket) => { resets = t.capture(connection, 'resetAndDestroy', connection.resetAndDestroy) })
  const socket = await rawAsk(port, undefined, '1.0')
  socket.pause()
  t.match(await log.ended(), { ended: 'client_stalled' })
  t.ok(resets().length > 0)
  socket.destroy()
})

test('a reader for whom nothing waits is not stalled, however long the upstream is silent', async t => {
  const { url, log } = await pair(t, {
    '/chat/stream': reply => {
      reply.writeHead(200).write('first ')
      setTimeout(() => reply.end('last'), 300)
    }
  }, { CLIENT_STALL_TIMEOUT_MS: '50' })
  t.equal(await (await ask(url)).text(), 'first last')
  t.match(await log.ended(), { ended: 'complete' })
})
