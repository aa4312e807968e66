import { once } from 'node:events'
import { type ClientRequest, request } from 'node:http'
import { test } from 'tap'
import { build, pair, streams, unixSocket } from '../helper.ts'
import { raw } from '../raw.ts'

const nowhere = { COPILOT_SERVICE_URL: 'http://127.0.0.1:9' }

/** The status of what comes back for a request line and lines of headers. */
async function status (port: number, ...lines: string[]): Promise<number> {
  return Number((await raw(port, [...lines, 'Connection: close', '', ''].join('\r\n'))).split(' ')[1])
}

async function answer (asking: ClientRequest): Promise<number | undefined> {
  const [response] = await once(asking.end(), 'response')
  response.resume()
  return response.statusCode
}

for (const AUTH_MODE of ['', 'none']) {
  test(`with AUTH_MODE "${AUTH_MODE}" a request over loopback has to name this machine, whatever it asks for`, async t => {
    const { port, service } = await pair(t, { '/chat/stream': streams('fine') }, { AUTH_MODE })
    const get = async (path: string, host: string): Promise<number> => await status(port, `GET ${path} HTTP/1.1`, `Host: ${host}`)
    for (const host of [`localhost:${port}`, '127.0.0.1', `[::1]:${port}`, 'LOCALHOST', 'app.localhost', 'localhost.']) t.equal(await get('/health', host), 200, host)
    for (const host of ['rebound.example.com', `rebound.example.com:${port}`, 'localhost.example.com', '10.0.0.1', 'me@localhost', '[::1%lo]', '']) t.equal(await get('/health', host), 403, host)
    for (const path of ['/health/live', '/health/ready', '/docs', '/docs/static/index.css', '/api/models', '/nowhere']) t.equal(await get(path, 'rebound.example.com'), 403, path)

    const body = '{"prompt":"Hello"}'
    const post = ['POST /api/chat HTTP/1.1', 'Content-Type: application/json', `Content-Length: ${body.length}`, 'Connection: close']
    t.match(await raw(port, [...post, 'Host: rebound.example.com', '', body].join('\r\n')), /^HTTP\/1\.1 403 /)
    t.equal(service.requests.length, 0)
    t.match(await raw(port, [...post, 'Host: localhost', '', body].join('\r\n')), /^HTTP\/1\.1 200 /)
  })
}

test('the refusal says what is allowed and which settings there are, and the log says whose', async t => {
  const { port, log } = await build(t, nowhere)
  const reply = await raw(port, 'GET /health HTTP/1.1\r\nHost: rebound.example.com\r\nX-Request-Id: rebound.1\r\nConnection: close\r\n\r\n')
  t.match(reply, /\r\nX-Error-Type: forbidden\r\n/i)
  t.match(reply, /\r\nX-Request-Id: rebound\.1\r\n/i)
  t.match(reply, /\r\n\r\nError: Forbidden: .*only localhost and loopback addresses may be the Host.*"rebound\.example\.com"; set AUTH_MODE to api-key or jwt, or TRUST_PROXY /)
  t.match(await log.ended('rebound.1'), { status: 403, ended: 'complete', errorType: 'forbidden', error: /rebound\.example\.com/ })
})

test('a name of any size and with anything in it is safe to show', async t => {
  const { port, log } = await build(t, nowhere)
  const reply = await raw(port, `GET /health HTTP/1.1\r\nHost: ghp_0123456789abcdefABCD@\t${'x'.repeat(10_000)}\r\nX-Request-Id: odd.1\r\nConnection: close\r\n\r\n`)
  for (const text of [reply, String((await log.ended('odd.1')).error)]) {
    t.match(text, /"\[redacted\]@ x{87}…"/)
    t.notMatch(text, 'ghp_')
  }
})

test('a name in the target counts as well as the one in Host', async t => {
  const { port } = await build(t, nowhere)
  t.equal(await status(port, `GET http://localhost:${port}/health HTTP/1.1`, 'Host: localhost'), 200)
  for (const target of ['http://rebound.example.com/health', 'HTTP://rebound.example.com:80/health', 'http://me@localhost/health']) t.equal(await status(port, `GET ${target} HTTP/1.1`, 'Host: localhost'), 403, target)
  t.equal(await status(port, 'GET http://localhost/health HTTP/1.1', 'Host: rebound.example.com'), 403)
  t.equal(await status(port, 'GET /health?from=http://rebound.example.com/ HTTP/1.1', 'Host: localhost'), 200)
  t.equal(await status(port, 'OPTIONS * HTTP/1.1', 'Host: localhost'), 404)
})

test('of several Hosts the first one counts, and HTTP/1.0 may have none, as health checks do', async t => {
  const { port } = await build(t, nowhere)
  t.equal(await status(port, 'GET /health HTTP/1.1', 'Host: rebound.example.com', 'Host: localhost'), 403)
  t.equal(await status(port, 'GET /health HTTP/1.0'), 200)
  t.equal(await status(port, 'GET /health HTTP/1.0', 'Host: rebound.example.com'), 403)
})

test('what a proxy passes on that TRUST_PROXY names may have any name', async t => {
  for (const [TRUST_PROXY, forwarded, expected] of [
    ['loopback', true, 200],
    ['127.0.0.1', true, 200],
    ['true', true, 200],
    ['loopback', false, 403],
    ['10.0.0.0/8', true, 403],
    ['1', true, 403],
    ['false', true, 403]
  ] as const) {
    const { port } = await build(t, { ...nowhere, TRUST_PROXY })
    t.equal(await status(port, 'GET /health HTTP/1.1', 'Host: gateway.example.com', ...(forwarded ? ['X-Forwarded-For: 192.0.2.1'] : [])), expected, `${TRUST_PROXY} ${forwarded}`)
  }
})

test('with authentication, and over anything else than loopback, every name is as good', async t => {
  const jwt: Record<string, string> = { AUTH_MODE: 'jwt', JWT_SECRET: 'secret' }
  for (const environment of [jwt, { AUTH_MODE: 'api-key', API_KEYS: 'web:key' }]) {
    const { port } = await build(t, { ...nowhere, ...environment })
    t.equal(await status(port, 'GET /health HTTP/1.1', 'Host: gateway.example.com'), 200)
  }
  const socketPath = await unixSocket(t, await build(t, { ...nowhere, AUTH_MODE: 'none' }))
  t.equal(await answer(request({ socketPath, path: '/health', headers: { host: 'gateway.example.com' }, agent: false })), 200)
})

test('::1 is loopback, too', async t => {
  const { url } = await build(t, nowhere, '::1')
  t.equal(await answer(request(`${url}/health`, { headers: { host: 'rebound.example.com' }, agent: false })), 403)
  t.equal((await fetch(`${url}/health`)).status, 200)
})
