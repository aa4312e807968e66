import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setImmediate } from 'node:timers/promises'
import Fastify from 'fastify'
import { test } from 'tap'
import gateway from '../../app.ts'
import { serverOptions } from '../../lib/server-options.ts'
import { ask, closeOf, drainSocket, json, pair, rawAsk, type Script, upstream } from '../helper.ts'

/** Streams one chunk, and does `then` once it is on its way. */
const firstThen = (then: (reply: Parameters<Script>[0]) => void): Script => reply => {
  reply.writeHead(200, { 'content-type': 'text/plain' }).write('half an ', () => then(reply))
}
const cuts: Array<[string, Script, string, string]> = [
  ['closes its socket', firstThen(reply => reply.destroy()), 'upstream_failed', 'connection'],
  ['resets its socket', firstThen(reply => reply.socket?.resetAndDestroy()), 'upstream_failed', 'connection'],
  ['sends no chunk', firstThen(reply => reply.socket?.write('no chunk\r\n')), 'upstream_failed', 'bad_reply'],
  ['falls silent', firstThen(() => {}), 'idle_timeout', 'idle_timeout'],
  ['sends less than it announced', reply => { reply.writeHead(200, { 'content-length': '100' }).write('half an ', () => reply.destroy()) }, 'upstream_failed', 'connection']
]

for (const [name, script, ended, errorType] of cuts) {
  test(`when the upstream ${name} mid-stream, the client's answer is cut and never looks whole`, async t => {
    const { url, service, log } = await pair(t, { '/chat/stream': script }, { COPILOT_IDLE_TIMEOUT_MS: '100' })
    const response = await ask(url)
    t.equal(response.status, 200)
    await t.rejects(response.text())
    t.match(await log.ended(), { status: 200, ended, errorType, level: 40 })
    t.equal(service.requests.length, 1, 'the question is not asked twice')
  })
}

test('the wire of a cut answer has no last chunk', async t => {
  const { port } = await pair(t, { '/chat/stream': firstThen(reply => reply.destroy()) })
  const { text } = await drainSocket(await rawAsk(port))
  t.match(text, /half an/)
  t.notMatch(text, /\r\n0\r\n/)
})

test('an HTTP/1.0 client, which knows no last chunk, sees a reset', async t => {
  const { port } = await pair(t, { '/chat/stream': firstThen(reply => reply.destroy()) })
  const { code } = await drainSocket(await rawAsk(port, undefined, '1.0'))
  t.equal(code, 'ECONNRESET')
})

test('an HTTP/1.0 client gets a whole answer with a clean end', async t => {
  const { port } = await pair(t, { '/chat/stream': firstThen(reply => reply.end('answer')) })
  const { text, code } = await drainSocket(await rawAsk(port, undefined, '1.0'))
  t.match(text, /half an answer$/)
  t.equal(code, undefined)
})

test('an HTTP/1.0 client that asks twice at once has its first answer whole when the second fails', async t => {
  const { app, port, service, log } = await pair(t, {
    '/chat/stream': async (reply, { json: { prompt } }) => {
      await new Promise(resolve => reply.writeHead(200, { 'content-type': 'text/plain' }).write('half an ', resolve))
      if (prompt === 'second') return reply.destroy()
      await closeOf((await service.request(1)).raw.socket)
      while (app.copilot.sockets.running > 1) await setImmediate()
      reply.end('answer')
    }
  })
  const socket = await rawAsk(port, { prompt: 'first' }, '1.0', { Connection: 'keep-alive', 'X-Request-Id': 'first' })
  await service.request(0)
  const body = '{"prompt":"second"}'
  socket.write(`POST /api/chat HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\nX-Request-Id: second\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
  const { text, code } = await drainSocket(socket)
  t.match(text, /half an answer$/)
  t.equal(code, undefined)
  t.match(await log.ended('first'), { ended: 'complete' })
  t.match(await log.ended('second'), { errorType: 'connection' })
})

test('a failure after the headers but before the first byte still has its own status', async t => {
  const { url } = await pair(t, { '/chat/stream': reply => { reply.writeHead(200, { 'content-type': 'text/plain' }).flushHeaders(); reply.destroy() }, '/chat': json(200, { output: 'not asked' }) })
  const response = await ask(url)
  t.equal(response.status, 503)
  t.equal(response.headers.get('x-error-type'), 'connection')
})

test('bytes that are no HTTP, behind a request that is being answered, cut the answer and do not become part of it', async t => {
  const { port, service, log } = await pair(t, { '/chat/stream': firstThen(() => {}) })
  const socket = await rawAsk(port)
  await service.request()
  socket.once('data', () => socket.write('this is no HTTP\r\n\r\n'))
  const { text } = await drainSocket(socket)
  t.notMatch(text, /400/)
  t.match(await log.ended(), { ended: 'client_left' })
})

test('on a Unix socket, which knows no reset, an HTTP/1.0 answer that breaks off ends its connection, and the gateway goes on', async t => {
  const service = await upstream(t, { '/chat/stream': firstThen(reply => reply.destroy()) })
  const app = Fastify(serverOptions({ LOG_LEVEL: 'silent' }))
  t.teardown(() => app.close())
  await app.register(gateway, { environment: { COPILOT_SERVICE_URL: service.url }, page: false })
  // A path of a socket has room for some 100 bytes.
  const directory = await mkdtemp(join(tmpdir(), 'socket-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const path = join(directory, 's')
  await app.listen({ path })
  const client = connect(path)
  client.write('POST /api/chat HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{"prompt":"Hi"}')
  t.match(await text(client), /^HTTP\/1\.1 200 OK\r\n[^]*half an $/)
  t.equal((await app.inject('/health')).statusCode, 200)
})
