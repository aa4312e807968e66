import { once } from 'node:events'
import { test } from 'tap'
import { blackHole } from '../black-hole.ts'
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

test('a connection that is never made times out', async t => {
  const hole = await blackHole(t)
  const { url, log } = await build(t, { COPILOT_SERVICE_URL: hole, COPILOT_CONNECT_TIMEOUT_MS: '100' })
  const response = await ask(url)
  t.equal(response.status, 504)
  t.equal(response.headers.get('x-error-type'), 'timeout')
  t.match(await log.ended(), { errorType: 'timeout', cause: /Connect Timeout/ })
})

test('neither a client that leaves nor the first-byte timeout waits for a connection to be made', async t => {
  const hole = await blackHole(t)
  const { app, url, log } = await build(t, { COPILOT_SERVICE_URL: hole, COPILOT_CONNECT_TIMEOUT_MS: '60000', COPILOT_FIRST_BYTE_TIMEOUT_MS: '1000' })
  t.equal((await ask(url)).status, 504)

  const leaving = new AbortController()
  const asked = ask(url, undefined, { signal: leaving.signal, headers: { 'x-request-id': 'leaver' } })
  app.server.once('request', () => setImmediate(() => leaving.abort()))
  await t.rejects(asked)
  t.match(await log.ended('leaver'), { ended: 'client_left' })
})
