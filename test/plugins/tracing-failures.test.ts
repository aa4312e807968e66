import { type Test, test } from 'tap'
import { type Collector, collector, exportsTo } from '../collector.ts'
import { environment, headers, nothingIsTold, prompt } from '../faults/secrets.ts'
import { type Gateway, json, pair, type Script } from '../helper.ts'
import { signHs256 } from '../lib/auth/jwks.ts'
import { raw } from '../raw.ts'

const { JWT_SECRET } = environment
const collectorKey = 'hush-collector-7f3a9c51'
const key = headers['X-API-Key']

const upstream: Script = (reply, request) => {
  const { authorization = '' } = request.headers
  if (request.body.includes('"repeat"')) json(500, { error: `no good: ${JSON.stringify(request.headers)}`, errorType: 'sdk' }, { 'x-debug': authorization })(reply, request)
  else if (request.body.includes('"cut"')) reply.writeHead(200, { 'content-type': 'text/plain' }).write('half', () => reply.destroy())
}

/** A gateway that knows secrets and is traced. */
async function traced (t: Test, more: Record<string, string>) {
  const sink = await collector(t)
  const gateway = await pair(t, { '/chat/stream': upstream }, exportsTo(sink, { ...environment, OTEL_EXPORTER_OTLP_HEADERS: `authorization=${collectorKey}`, COPILOT_FIRST_BYTE_TIMEOUT_MS: '1000', ...more }))
  return { ...gateway, sink }
}

/** Asks with the given headers and resolves with every byte that comes back. */
async function asks ({ port }: Gateway, model: string, more: Record<string, string>): Promise<string> {
  const body = JSON.stringify({ prompt, sessionId: prompt, model })
  const lines = Object.entries({ Host: 'localhost', 'Content-Type': 'application/json', 'Content-Length': String(body.length), Connection: 'close', ...more }).map(([name, value]) => `${name}: ${value}\r\n`)
  return await raw(port, `POST /api/chat?key=${prompt} HTTP/1.1\r\n${lines.join('')}\r\n${body}`)
}

/** Looks for all secrets, and the parts of tokens, in all that came out of a gateway by its end. */
async function nothingIsToldOrExported (t: Test, gateway: Gateway & { sink: Collector }, received: string, tokens: readonly string[] = []): Promise<void> {
  await gateway.app.close().catch(() => {})
  await nothingIsTold(t, gateway, received)
  const exported = Buffer.concat(gateway.sink.requests.map(({ body }) => body)).toString('latin1')
  t.match(exported, '/api/chat')
  t.strictSame(exported.match(/hush-[\w-]+/g), null, 'no secret in spans')
  const told = [received, JSON.stringify(gateway.log.lines), await gateway.app.metrics.text(), exported].join('\n')
  for (const part of tokens.flatMap(token => token.split('.')).filter(Boolean)) t.notOk(told.includes(part), part)
}

test('failures tell no secrets, in spans or elsewhere, and the key of the collector is for the collector alone', async t => {
  const gateway = await traced(t, {})
  const expected = { repeat: /^HTTP\/1\.1 500 .*X-Error-Type: sdk/is, cut: /^HTTP\/1\.1 200 .*half\r\n$/s, silent: /^HTTP\/1\.1 504 .*X-Error-Type: timeout/is }
  const received = await Promise.all(Object.entries(expected).map(async ([model, what]) => {
    const reply = await asks(gateway, model, headers)
    t.match(reply, what)
    return reply
  }))
  await nothingIsToldOrExported(t, gateway, received.join('\n'))

  t.ok(gateway.sink.requests.length > 0)
  for (const { headers } of gateway.sink.requests) t.equal(headers.authorization, collectorKey)
  t.equal(gateway.service.requests.length, 3)
  for (const { headers } of gateway.service.requests) t.notMatch(JSON.stringify(headers), collectorKey)
})

test('a refusal for the host tells no secrets of the request', async t => {
  const gateway = await traced(t, { AUTH_MODE: 'none' })
  const refused = await asks(gateway, 'any', { ...headers, Host: 'rebound.example.com' })
  t.match(refused, /^HTTP\/1\.1 403 .*X-Error-Type: forbidden/is)
  // Beside the refusals, an answer that had begun.
  await asks(gateway, 'cut', {})
  await nothingIsToldOrExported(t, gateway, refused)
})

test('a key that is nearly right is told nowhere, and neither is the right one', async t => {
  const gateway = await traced(t, {})
  const nearly: Array<Record<string, string>> = [
    { 'X-API-Key': `${key}x` }, { 'X-API-Key': key.slice(0, -1) }, { 'X-API-Key': key.toUpperCase().replace('HUSH', 'hush') }, { 'X-API-Key': `client:${key}` },
    { Authorization: `Bearer ${key}x` }, { Authorization: `Basic ${key}` }, { Authorization: key }, { Authorization: `Bearer ${key} ${key}` }, { Cookie: `x-api-key=${key}` },
    { 'X-API-Key': `${key}x`, Authorization: `Bearer ${key}` }
  ]
  const received: string[] = []
  for (const shown of nearly) {
    const reply = await asks(gateway, 'any', shown)
    t.match(reply, /^HTTP\/1\.1 401 /, JSON.stringify(shown))
    received.push(reply)
  }
  await nothingIsToldOrExported(t, gateway, received.join('\n'))
})

test('a token that is expired, forged or in the wrong place is told nowhere, in whole or in part', async t => {
  const gateway = await traced(t, { AUTH_MODE: 'jwt' })
  const right = await signHs256(JWT_SECRET)
  const expired = await signHs256(JWT_SECRET, { exp: 1 })
  const forged = await signHs256(`${JWT_SECRET}x`)
  const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${right.split('.')[1]}.`
  const received: string[] = []
  for (const shown of [`Bearer ${expired}`, `Bearer ${forged}`, `Bearer ${unsigned}`, `Bearer ${right}x`, `Basic ${right}`, right]) {
    const reply = await asks(gateway, 'any', { Authorization: shown })
    t.match(reply, /^HTTP\/1\.1 401 /, shown)
    received.push(reply)
  }
  await nothingIsToldOrExported(t, gateway, received.join('\n'), [right, expired, forged, unsigned])
})
