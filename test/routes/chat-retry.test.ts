import { once } from 'node:events'
import { createServer } from 'node:net'
import { test } from 'tap'
import { ask, build, pair, streams, upstream } from '../helper.ts'

/** A loopback port on which nothing listens. */
async function freePort (): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address ? address.port : 0
}

test('a refused connection is tried once more, and then the client is told', async t => {
  const { url, log } = await build(t, { COPILOT_SERVICE_URL: `http://127.0.0.1:${await freePort()}` })
  const response = await ask(url)
  t.equal(response.status, 503)
  t.equal(response.headers.get('x-error-type'), 'connection')
  t.equal(await response.text(), 'Error: Could not connect to Copilot service')
  t.match(await log.ended(), { ended: 'upstream_failed', errorType: 'connection', cause: /ECONNREFUSED/ })
  t.match(await (await fetch(`${url}/health/ready`)).json(), { ready: true, upstream: { state: 'down', errorType: 'connection' } })
})

test('a service that comes up between the two tries answers', async t => {
  const port = await freePort()
  const { app, url } = await build(t, { COPILOT_SERVICE_URL: `http://127.0.0.1:${port}` })
  const service = await upstream(t, { '/chat/stream': streams('here I am') })
  service.server.close()
  await once(service.server, 'close')
  app.server.once('request', () => { setTimeout(() => service.server.listen(port, '127.0.0.1'), 20) })
  t.equal(await (await ask(url)).text(), 'here I am')
  t.equal(service.requests.length, 1)
})

test('a name that does not resolve is a failure to connect', async t => {
  const { url, log } = await build(t, { COPILOT_SERVICE_URL: 'http://no-such-host.invalid' })
  t.equal((await ask(url)).status, 503)
  t.match(await log.ended(), { errorType: 'connection', cause: /ENOTFOUND|EAI_AGAIN/ })
})

test('a client that leaves between the two tries ends the trying', async t => {
  const { url, log } = await build(t, { COPILOT_SERVICE_URL: `http://127.0.0.1:${await freePort()}` })
  await t.rejects(ask(url, undefined, { signal: AbortSignal.timeout(50) }))
  t.match(await log.ended(), { ended: 'client_left' })
})

test('a reset after the request was written is not tried again: it may have been processed', async t => {
  const { url, service } = await pair(t, { '/chat/stream': reply => reply.socket?.resetAndDestroy() })
  const response = await ask(url)
  t.equal(response.status, 503)
  t.equal(response.headers.get('x-error-type'), 'connection')
  t.equal(service.requests.length, 1)
})

test('a reply that is no HTTP is not understood, and not tried again', async t => {
  const { url, service } = await pair(t, { '/chat/stream': reply => reply.socket?.end('hello\r\n') })
  const response = await ask(url)
  t.equal(response.status, 502)
  t.equal(response.headers.get('x-error-type'), 'bad_reply')
  t.equal(service.requests.length, 1)
})

test('headers of 64 KB are not understood', async t => {
  const { url } = await pair(t, { '/chat/stream': reply => reply.writeHead(200, { 'x-large': 'x'.repeat(65_536) }).end('text') })
  const response = await ask(url)
  t.equal(response.status, 502)
  t.equal(response.headers.get('x-error-type'), 'bad_reply')
})

test('a path in COPILOT_SERVICE_URL is kept, and the token and the trace go along', async t => {
  const { url, service } = await pair(t, { '/copilot/v1/chat/stream': streams('ok') })
  const prefixed = await build(t, { COPILOT_SERVICE_URL: `${service.url}/copilot/v1/`, COPILOT_SERVICE_TOKEN: 'service-token' })
  t.equal((await ask(url)).status, 500, 'without the path neither way is there')
  const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  t.equal(await (await ask(prefixed.url, undefined, { headers: { traceparent: trace, tracestate: 'a=b', authorization: 'Bearer mine', cookie: 'mine' } })).text(), 'ok')
  const { headers } = service.requests.at(-1)!
  t.match(headers, { authorization: 'Bearer service-token', traceparent: trace, tracestate: 'a=b' })
  t.notOk(headers.cookie)
})
