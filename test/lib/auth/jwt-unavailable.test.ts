import { once } from 'node:events'
import { createServer } from 'node:net'
import { test } from 'tap'
import { byJwt } from '../../../lib/auth/jwt.ts'
import { GatewayError } from '../../../lib/errors.ts'
import { jwksServer, signingKey } from './jwks.ts'

const key = await signingKey('RS256', 'rsa-1')
const unavailable = { name: 'GatewayError', message: 'Authentication cannot be checked at the moment' }
const others = { secret: '', issuer: '', audience: '' }

test('a key server that is down is no proof against a token', async t => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (typeof address !== 'object' || !address) throw new Error('a TCP server has an address')
  const authenticate = byJwt({ ...others, jwksUrl: `http://127.0.0.1:${address.port}/` })
  await t.rejects(authenticate({ bearer: await key.sign() }), unavailable)
})

test('nor is one that sends garbage', async t => {
  for (const [status, body] of [[200, '<html>'], [200, '{"keys":7}'], [200, '[]'], [500, '{"keys":[]}'], [302, '']] as const) {
    const server = await jwksServer(t, (_request, reply) => reply.writeHead(status, { location: '/elsewhere' }).end(body))
    const authenticate = byJwt({ ...others, jwksUrl: server.url })
    await t.rejects(authenticate({ bearer: await key.sign() }), unavailable, `${status} ${body}`)
  }
})

test('a key of the JWKS that cannot be read is no proof either', async t => {
  const server = await jwksServer(t, [{ ...key.jwk, n: undefined }])
  await t.rejects(byJwt({ ...others, jwksUrl: server.url })({ bearer: await key.sign() }), unavailable)
})

test('the key server gets better and so do the answers', async t => {
  let up = false
  const server = await jwksServer(t, (_request, reply) => up ? reply.end(JSON.stringify({ keys: [key.jwk] })) : reply.writeHead(503).end())
  const authenticate = byJwt({ ...others, jwksUrl: server.url, jwksRetry: 0 })
  await t.rejects(authenticate({ bearer: await key.sign() }), GatewayError)
  up = true
  t.match(await authenticate({ bearer: await key.sign() }), { id: 'me' })
})

test('a key server that hangs is given up on', async t => {
  const hanging = await jwksServer(t, () => {})
  const authenticate = byJwt({ ...others, jwksUrl: hanging.url, jwksTimeout: 50 })
  await t.rejects(authenticate({ bearer: await key.sign() }), unavailable)
})

test('so is one that falls silent in the middle of its answer', async t => {
  const silent = await jwksServer(t, (_request, reply) => { reply.writeHead(200, { 'content-type': 'application/json' }).write('{"keys":[') })
  const authenticate = byJwt({ ...others, jwksUrl: silent.url, jwksTimeout: 50 })
  await t.rejects(authenticate({ bearer: await key.sign() }), unavailable)
})

test('one that fails is asked once for a moment, by however many tokens', async t => {
  for (const reply of [(status: number) => status, () => 200]) {
    const server = await jwksServer(t, (_request, response) => response.writeHead(reply(503)).end('no keys'))
    const authenticate = byJwt({ ...others, jwksUrl: server.url, jwksRetry: 60_000 })
    await Promise.all(Array.from({ length: 15 }, async (_, i) => await t.rejects(authenticate({ bearer: await key.sign({}, { kid: `at-once-${i}` }) }), unavailable)))
    for (let i = 0; i < 15; i++) await t.rejects(authenticate({ bearer: await key.sign({}, { kid: `later-${i}` }) }), unavailable)
    t.equal(server.requests, 1)
  }
})

test('a hanging one is asked once, too, and is asked again after the moment', async t => {
  let up = false
  const server = await jwksServer(t, (_request, reply) => up && reply.end(JSON.stringify({ keys: [key.jwk] })))
  const authenticate = byJwt({ ...others, jwksUrl: server.url, jwksTimeout: 50, jwksRetry: 100 })
  await Promise.all([1, 2, 3].map(async () => await t.rejects(authenticate({ bearer: await key.sign() }), unavailable)))
  t.equal(server.requests, 1)
  up = true
  for (;;) {
    const caller = await authenticate({ bearer: await key.sign() }).catch(() => undefined)
    if (!caller) continue
    t.match(caller, { id: 'me' })
    break
  }
  t.equal(server.requests, 2)
})

test('while it fails, tokens of keys that are known already are checked as ever', async t => {
  let up = true
  const server = await jwksServer(t, (_request, reply) => up ? reply.end(JSON.stringify({ keys: [key.jwk] })) : reply.writeHead(503).end())
  const authenticate = byJwt({ ...others, jwksUrl: server.url })
  t.match(await authenticate({ bearer: await key.sign() }), { id: 'me' })
  up = false
  t.equal(await authenticate({ bearer: await key.sign({}, { kid: 'nobody' }) }), undefined)
  t.match(await authenticate({ bearer: await key.sign() }), { id: 'me' })
})
