import { type Test, test } from 'tap'
import { ask, build, json, pair, streams } from '../helper.ts'

const nowhere = { COPILOT_SERVICE_URL: 'http://127.0.0.1:9' }

async function allowed (url: string, origin: string): Promise<string | null> {
  const { headers } = await fetch(`${url}/health`, { headers: { origin } })
  return headers.get('access-control-allow-origin')
}

test('by default pages of loopback origins may read, and no others', async t => {
  const { url } = await build(t, nowhere)
  for (const origin of ['http://localhost', 'http://localhost:5173', 'https://localhost:8443', 'http://127.0.0.1:3000', 'http://[::1]:8080']) t.equal(await allowed(url, origin), origin)
  for (const origin of ['https://example.com', 'http://localhost.example.com', 'http://127.0.0.1.example.com', 'http://evil-localhost', 'http://localhost:80x', 'null', 'ftp://localhost']) t.equal(await allowed(url, origin), null, origin)
  const { headers } = await fetch(`${url}/health`, { headers: { origin: 'http://localhost' } })
  t.notOk(headers.has('access-control-allow-credentials'))
})

test('with a list, its origins may and nobody else', async t => {
  const { url } = await build(t, { ...nowhere, CORS_ORIGIN: 'https://app.example.com, https://two.example.com:8443' })
  t.equal(await allowed(url, 'https://app.example.com'), 'https://app.example.com')
  t.equal(await allowed(url, 'https://two.example.com:8443'), 'https://two.example.com:8443')
  for (const origin of ['http://app.example.com', 'https://app.example.com:8443', 'https://x.app.example.com', 'http://localhost:3000']) t.equal(await allowed(url, origin), null, origin)
  const { headers } = await fetch(`${url}/health`, { headers: { origin: 'https://app.example.com' } })
  t.equal(headers.get('access-control-allow-credentials'), 'true')
  t.match(headers.get('vary'), 'Origin')
})

test('every origin may when * is spelled out, without credentials', async t => {
  const { url } = await build(t, { ...nowhere, CORS_ORIGIN: '*' })
  const { headers } = await fetch(`${url}/health`, { headers: { origin: 'https://anywhere.example' } })
  t.equal(headers.get('access-control-allow-origin'), '*')
  t.notOk(headers.has('access-control-allow-credentials'))
})

test('what is no origin is refused at start', async t => {
  for (const CORS_ORIGIN of ['app.example.com', 'https://app.example.com/', 'https://app.example.com/path', 'https://*.example.com', 'https://app.example.com:443', 'null', 'https://ok.example.com,x']) {
    await t.rejects(build(t, { ...nowhere, CORS_ORIGIN }), { name: 'StartError', message: /^CORS_ORIGIN must be \* or comma-separated origins/ }, CORS_ORIGIN)
  }
})

async function preflight (t: Test, url: string, origin: string) {
  const response = await fetch(`${url}/api/chat`, { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization,content-type' } })
  t.equal(response.status, 204)
  return response.headers
}

test('a preflight is answered before anybody asks who it is', async t => {
  const { url } = await build(t, { ...nowhere, AUTH_MODE: 'api-key', API_KEYS: 'web:key' })
  const headers = await preflight(t, url, 'http://localhost:5173')
  t.match(Object.fromEntries(headers), {
    'access-control-allow-origin': 'http://localhost:5173',
    'access-control-allow-methods': /POST/,
    'access-control-allow-headers': /Authorization.*Content-Type.*X-API-Key.*X-Request-Id/,
    'access-control-max-age': '600',
    'x-content-type-options': 'nosniff',
    'content-security-policy': /frame-ancestors/
  })
})

test('a foreign origin gets no CORS headers, whatever it asks, and its simple request is 415', async t => {
  const asking: RequestInit[] = [
    { method: 'OPTIONS', headers: { 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' } },
    { method: 'POST', body: '{"prompt":"Hello"}', headers: { 'content-type': 'text/plain' } },
    { method: 'POST', body: 'prompt=Hello', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
    { method: 'POST', body: '{"prompt":"Hello"}', headers: { 'content-type': 'application/json' } },
    { method: 'GET' }
  ]
  for (const CORS_ORIGIN of ['', 'https://app.example.com']) {
    const { url, service } = await pair(t, { '/chat/stream': streams('fine') }, { CORS_ORIGIN })
    const replies = await Promise.all(asking.map(async ({ headers, ...init }) => await fetch(`${url}/api/chat`, { ...init, headers: { ...headers, origin: 'https://foreign.example.com' } })))
    t.strictSame(replies.map(({ status }) => status), [404, 415, 415, 200, 404])
    for (const { status, headers } of replies) {
      t.strictSame([...headers.keys()].filter(name => name.startsWith('access-control-')), [], String(status))
      t.match(headers.get('vary'), 'Origin', 'a cache keeps the two apart')
    }
    t.equal(service.requests.length, 1, 'nobody is asked for a simple request')
  }
})

test('a request that comes from no page, and OPTIONS that are no preflight, are answered as the contract says', async t => {
  for (const CORS_ORIGIN of ['', '*']) {
    const { url } = await build(t, { ...nowhere, CORS_ORIGIN })
    const plain = await fetch(`${url}/health`)
    t.strictSame([...plain.headers.keys()].filter(name => name.startsWith('access-control-')), [])
    const nobody = await fetch(`${url}/api/chat`, { method: 'OPTIONS' })
    t.equal(nobody.status, 404)
    t.equal(nobody.headers.get('x-error-type'), 'not_found')
    t.equal((await fetch(`${url}/api/chat`, { method: 'OPTIONS', headers: { origin: 'http://localhost' } })).status, 204)
  }
})

test('answers and errors carry the headers, and name those that a page may read', async t => {
  const { url } = await pair(t, { '/chat/stream': streams('fine'), '/models': json(500, {}) }, { AUTH_MODE: 'api-key', API_KEYS: 'web:key' })
  const headers = { origin: 'http://localhost:5173', 'x-api-key': 'key' }
  const replies = [
    await ask(url, undefined, { headers }),
    await ask(url, {}, { headers }),
    await ask(url, undefined, { headers: { ...headers, 'x-api-key': 'wrong' } }),
    await ask(url, undefined, { headers: { ...headers, 'content-type': 'text/plain' } }),
    await fetch(`${url}/api/models`, { headers }),
    await fetch(`${url}/nowhere`, { headers })
  ]
  t.strictSame(replies.map(({ status }) => status), [200, 400, 401, 415, 500, 404])
  for (const reply of replies) {
    t.match(Object.fromEntries(reply.headers), { 'access-control-allow-origin': 'http://localhost:5173', 'access-control-expose-headers': 'X-Request-Id, X-Error-Type, X-Copilot-Delivery, X-Stream-Id, X-Resumable, Retry-After' }, String(reply.status))
  }
})
