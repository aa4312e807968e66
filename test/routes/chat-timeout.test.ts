import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { test } from 'tap'
import { ask, build, json, pair, type Script } from '../helper.ts'

const silences: Array<[string, Record<string, Script>]> = [
  ['that accepts and never answers', { '/chat/stream': () => {} }],
  ['that sends headers and no byte', { '/chat/stream': reply => reply.writeHead(200).flushHeaders() }],
  ['whose fallback never answers', { '/chat/stream': json(501, {}), '/chat': () => {} }]
]
for (const [name, scripts] of silences) {
  test(`an upstream ${name} is given up, and its request aborted`, async t => {
    const { url, service, log } = await pair(t, scripts, { COPILOT_FIRST_BYTE_TIMEOUT_MS: '100' })
    const response = await ask(url)
    t.equal(response.status, 504)
    t.equal(response.headers.get('x-error-type'), 'timeout')
    t.equal(await response.text(), 'Error: Copilot did not answer in time')
    const { raw } = service.requests.at(-1)!
    if (!raw.socket.closed) await once(raw.socket, 'close')
    t.match(await log.ended(), { ended: 'timeout', errorType: 'timeout' })
  })
}

test('headers and then silence for COPILOT_IDLE_TIMEOUT_MS are no reply in time, and not the middle of one', async t => {
  const { url, log } = await pair(t, { '/chat/stream': reply => reply.writeHead(200).flushHeaders() }, { COPILOT_IDLE_TIMEOUT_MS: '100' })
  const response = await ask(url)
  t.equal(response.status, 504)
  t.equal(response.headers.get('x-error-type'), 'timeout')
  t.match(await log.ended(), { ended: 'timeout' })
})

test('an answer may take longer than the time to its first byte', async t => {
  const { url } = await pair(t, {
    '/chat/stream': reply => {
      reply.writeHead(200).write('first')
      setTimeout(() => reply.end(' last'), 400)
    }
  }, { COPILOT_FIRST_BYTE_TIMEOUT_MS: '200' })
  t.equal(await (await ask(url)).text(), 'first last')
})

/** A host whose connections are never made: its accept queue is full and the process that would empty it is stopped. */
async function blackHole (): Promise<{ url: string, end: () => void }> {
  const child = spawn(process.execPath, ['-e', `
    const server = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
      console.log(server.address().port)
      process.kill(process.pid, 'SIGSTOP')
    })`], { stdio: ['ignore', 'pipe', 'inherit'], env: {} })
  const [line] = await once(createInterface(child.stdout), 'line')
  const port = Number(line)
  const fillers: Socket[] = []
  // The kernel takes one or two more than it was told to; past that a connection stays in the making.
  for (let pending = false; !pending;) {
    const socket = connect(port, '127.0.0.1').on('error', () => {})
    fillers.push(socket)
    pending = await Promise.race([once(socket, 'connect').then(() => false), new Promise<boolean>(resolve => { setTimeout(() => resolve(true), 300) })])
  }
  return {
    url: `http://127.0.0.1:${port}`,
    end: () => {
      fillers.forEach(socket => socket.destroy())
      child.kill('SIGKILL')
    }
  }
}

test('a connection that is never made times out', async t => {
  const hole = await blackHole()
  t.teardown(hole.end)
  const { url, log } = await build(t, { COPILOT_SERVICE_URL: hole.url, COPILOT_CONNECT_TIMEOUT_MS: '100' })
  const response = await ask(url)
  t.equal(response.status, 504)
  t.equal(response.headers.get('x-error-type'), 'timeout')
  t.match(await log.ended(), { errorType: 'timeout', cause: /Connect Timeout/ })
})

test('neither a client that leaves nor the first-byte timeout waits for a connection to be made', async t => {
  const hole = await blackHole()
  t.teardown(hole.end)
  const { app, url, log } = await build(t, { COPILOT_SERVICE_URL: hole.url, COPILOT_CONNECT_TIMEOUT_MS: '60000', COPILOT_FIRST_BYTE_TIMEOUT_MS: '1000' })
  t.equal((await ask(url)).status, 504)

  const leaving = new AbortController()
  const asked = ask(url, undefined, { signal: leaving.signal, headers: { 'x-request-id': 'leaver' } })
  app.server.once('request', () => setImmediate(() => leaving.abort()))
  await t.rejects(asked)
  t.match(await log.ended('leaver'), { ended: 'client_left' })
})
