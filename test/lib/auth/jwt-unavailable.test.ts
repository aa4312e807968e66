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
  const authenticate = byJwt({ ...others, jwksUrl: server.url })
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
