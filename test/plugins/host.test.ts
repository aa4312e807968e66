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
  t.match(reply, /\r\n\r\nError: Forbidden: .*only localhost and loopback addresses may be the Host.*"rebound\.example\.com"; set AUTH_MODE to api-key or jwt, or list the name in ALLOWED_HOSTS/)
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

test('no forwarding header makes a name a better one, whoever is trusted', async t => {
  for (const TRUST_PROXY of ['loopback', '127.0.0.1', 'true', '1', 'false']) {
    const { port } = await build(t, { ...nowhere, TRUST_PROXY })
    for (const forwarding of ['X-Forwarded-For: 192.0.2.1', 'X-Forwarded-Host: localhost', 'Forwarded: for=192.0.2.1;host=localhost', 'X-Real-IP: 192.0.2.1', 'Via: 1.1 proxy', 'X-Forwarded-For: 192.0.2.1, 127.0.0.1', 'X-Forwarded-Proto: https']) {
      t.equal(await status(port, 'GET /health HTTP/1.1', 'Host: gateway.example.com', forwarding), 403, `${TRUST_PROXY} ${forwarding}`)
    }
  }
})

test('ALLOWED_HOSTS lets in its names, on any port, and nothing like them', async t => {
  const { port } = await build(t, { ...nowhere, ALLOWED_HOSTS: 'Gateway.example.com, other.example,[fe80::1] ,10.1.2.3' })
  const get = async (host: string): Promise<number> => await status(port, 'GET /health HTTP/1.1', `Host: ${host}`)
  for (const host of ['gateway.example.com', 'GATEWAY.example.com:8080', 'gateway.example.com.', 'other.example:', '[FE80::1]:80', '10.1.2.3', 'localhost', `127.0.0.1:${port}`]) t.equal(await get(host), 200, host)
  for (const host of ['example.com', 'a.gateway.example.com', 'gateway.example.com.evil.example', 'me@gateway.example.com', 'gateway.example.com,localhost', '10.1.2.30', '']) t.equal(await get(host), 403, host)
  t.equal(await status(port, 'GET http://rebound.example.com/health HTTP/1.1', 'Host: other.example'), 403)
})

test('more names than are remembered are told apart all the same', async t => {
  const { port } = await build(t, nowhere)
  for (let i = 0; i < 70; i++) t.equal(await status(port, 'GET /health HTTP/1.1', `Host: a${i}.localhost`), 200)
  t.equal(await status(port, 'GET /health HTTP/1.1', 'Host: a69.localhost.example'), 403)
})

test('what is no list of names is refused at start', async t => {
  for (const ALLOWED_HOSTS of ['*', '*.example.com', 'https://gateway.example.com', 'gateway.example.com:443', '[::1]:80', 'a b', 'me@x', 'x/y']) {
    await t.rejects(build(t, { ...nowhere, ALLOWED_HOSTS }), { name: 'StartError', message: /^ALLOWED_HOSTS must be host names without ports/ }, ALLOWED_HOSTS)
  }
})

test('METRICS_PORT is guarded as well', async t => {
  const { log } = await build(t, { ...nowhere, METRICS_PORT: '0', ALLOWED_HOSTS: 'prometheus.example' })
  const port = Number(new URL(String((await log.line(({ msg }) => msg === 'metrics are served')).url)).port)
  for (const [host, expected] of [['rebound.example.com', 403], ['prometheus.example', 200], ['localhost', 200]] as const) t.equal(await status(port, 'GET /metrics HTTP/1.1', `Host: ${host}`), expected, host)
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
