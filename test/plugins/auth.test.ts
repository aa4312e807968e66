import { test } from 'tap'
import { ask, json, pair, type Script, streams } from '../helper.ts'
import { jwksServer, signHs256, signingKey } from '../lib/auth/jwks.ts'

const scripts: Record<string, Script> = { '/chat/stream': streams('fine'), '/models': json(200, { models: [] }) }

test('without AUTH_MODE, and with none, everybody is anonymous', async t => {
  for (const AUTH_MODE of ['', 'none']) {
    const { url, log } = await pair(t, scripts, { AUTH_MODE })
    t.equal((await ask(url)).status, 200)
    t.match(await log.ended(), { caller: 'anonymous' })
  }
})

test('API keys are taken from either header, and the log has their names', async t => {
  const { url, log } = await pair(t, scripts, { AUTH_MODE: 'api-key', API_KEYS: 'web:old-key,web:new-key,cli:other-key' })
  const headers: Array<[string, Record<string, string>, string]> = [
    ['k.1', { 'x-api-key': 'old-key' }, 'web'],
    ['k.2', { authorization: 'Bearer new-key' }, 'web'],
    ['k.3', { authorization: 'bearer  other-key ' }, 'cli']
  ]
  for (const [id, credentials, caller] of headers) {
    t.equal((await ask(url, undefined, { headers: { ...credentials, 'x-request-id': id } })).status, 200)
    t.match(await log.ended(id), { caller })
  }
  t.notMatch(JSON.stringify(log.lines), /(old|new|other)-key/)
})

test('who is not known → 401 with WWW-Authenticate, before anything of the request counts', async t => {
  const { url, service, log } = await pair(t, scripts, { AUTH_MODE: 'api-key', API_KEYS: 'web:right-key' })
  const refused: Array<Record<string, string>> = [
    {}, { 'x-api-key': 'wrong-key' }, { authorization: 'Bearer wrong-key' }, { authorization: 'Basic right-key' }, { authorization: 'right-key' }, { authorization: 'Bearer' },
    { cookie: 'x-api-key=right-key' }, { 'x-api-key': 'wrong-key', authorization: 'Bearer right-key' }
  ]
  for (const headers of refused) {
    const response = await ask(url, { prompt: 7 }, { headers: { ...headers, 'x-request-id': 'who.1' } })
    t.equal(response.status, 401, JSON.stringify(headers))
    t.match(Object.fromEntries(response.headers), { 'www-authenticate': /^Bearer realm=/, 'x-error-type': 'unauthenticated', 'x-request-id': 'who.1', 'content-type': 'text/plain; charset=utf-8' })
    t.match(await response.text(), /^Error: Authentication required/)
  }
  const response = await ask(url, undefined, { headers: { accept: 'application/json', 'x-api-key': 'wrong-key' } })
  t.match(await response.json(), { error: 'Authentication required: the credentials were not accepted', errorType: 'unauthenticated', requestId: /./ })
  t.equal(service.requests.length, 0)
  const line = await log.ended('who.1')
  t.match(line, { level: 30, status: 401, ended: 'complete', errorType: 'unauthenticated' })
  t.notOk('caller' in line)
})

test('the models are guarded, health is open', async t => {
  const { url } = await pair(t, scripts, { AUTH_MODE: 'api-key', API_KEYS: 'web:right-key' })
  t.equal((await fetch(`${url}/api/models`)).status, 401)
  t.equal((await fetch(`${url}/api/models`, { headers: { 'x-api-key': 'right-key' } })).status, 200)
  t.equal((await fetch(`${url}/api/models/`, { headers: {} })).status, 404)
  for (const path of ['/health', '/health/live', '/health/ready']) t.equal((await fetch(url + path)).status, 200, path)
})

test('JSON Web Tokens of a shared secret', async t => {
  const secret = 'a secret of at least thirty-two characters'
  const { url, log } = await pair(t, scripts, { AUTH_MODE: 'jwt', JWT_SECRET: secret, JWT_ISSUER: 'https://id.example', JWT_AUDIENCE: 'gateway' })
  const right = { iss: 'https://id.example', aud: 'gateway', sub: 'me@example.com' }
  const bearer = async (claims: object) => (await ask(url, undefined, { headers: { authorization: `Bearer ${await signHs256(secret, { ...right, ...claims })}` } })).status
  t.equal(await bearer({}), 200)
  t.match(await log.ended(), { caller: 'me@example.com' })
  t.equal(await bearer({ iss: 'https://evil.example' }), 401)
  t.equal(await bearer({ aud: 'other' }), 401)
  t.equal(await bearer({ exp: 1 }), 401)
  t.notMatch(JSON.stringify(log.lines), /eyJ/)
})

test('JSON Web Tokens of a key set; when it cannot be had → 503 auth_unavailable', async t => {
  const key = await signingKey('ES256', 'ec-1')
  let up = false
  const server = await jwksServer(t, (_request, reply) => up ? reply.end(JSON.stringify({ keys: [key.jwk] })) : reply.writeHead(500).end())
  const { url, log } = await pair(t, scripts, { AUTH_MODE: 'jwt', JWT_JWKS_URL: server.url, RATE_LIMIT_MAX: '1000000' })
  const headers = { authorization: `Bearer ${await key.sign()}`, 'x-request-id': 'jwks.1' }

  const response = await ask(url, undefined, { headers })
  t.equal(response.status, 503)
  t.match(Object.fromEntries(response.headers), { 'x-error-type': 'auth_unavailable', 'retry-after': '5' })
  t.equal(await response.text(), 'Error: Authentication cannot be checked at the moment')
  t.match(await log.ended('jwks.1'), { errorType: 'auth_unavailable', cause: /JSON Web Key Set/ })

  up = true
  while ((await ask(url, undefined, { headers })).status !== 200);
  t.equal(server.requests, 2)
})

test('junk tokens while the key set cannot be had are failed logins, and one fetch', async t => {
  const key = await signingKey('ES256', 'ec-1')
  const server = await jwksServer(t, (_request, reply) => reply.writeHead(500).end())
  const { url } = await pair(t, scripts, { AUTH_MODE: 'jwt', JWT_JWKS_URL: server.url, RATE_LIMIT_MAX: '5' })
  const statuses: number[] = []
  for (let i = 0; i < 8; i++) statuses.push((await ask(url, undefined, { headers: { authorization: `Bearer ${await key.sign({}, { kid: `junk-${i}` })}` } })).status)
  t.strictSame(statuses, [503, 503, 503, 503, 503, 429, 429, 429])
  t.equal(server.requests, 1)
})
