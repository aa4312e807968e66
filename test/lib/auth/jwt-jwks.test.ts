import { UnsecuredJWT } from 'jose'
import { test } from 'tap'
import { byJwt } from '../../../lib/auth/jwt.ts'
import { expiring, jwksServer, signHs256, signingKey } from './jwks.ts'

const rsa = await signingKey('RS256', 'rsa-1')
const ec = await signingKey('ES256', 'ec-1')
const others = { secret: '', issuer: 'https://id.example', audience: 'gateway' }
const right = { iss: 'https://id.example', aud: 'gateway' }

test('RS256 and ES256 tokens are known by the keys of the JWKS, which is asked for once', async t => {
  const server = await jwksServer(t, [rsa.jwk, ec.jwk])
  const authenticate = byJwt({ ...others, jwksUrl: server.url })
  t.equal(server.requests, 0)
  for (const key of [rsa, ec, rsa]) t.strictSame(await authenticate({ bearer: await key.sign(right) }), { id: 'me', kind: 'jwt' })
  t.equal(server.requests, 1)
})

test('issuer, audience and expiry are checked', async t => {
  const server = await jwksServer(t, [rsa.jwk])
  const authenticate = byJwt({ ...others, jwksUrl: server.url })
  for (const wrong of [{ iss: 'https://evil.example' }, { iss: undefined }, { aud: 'other' }, { aud: undefined }, { exp: 1 }, { exp: undefined }]) {
    t.equal(await authenticate({ bearer: await rsa.sign({ ...right, ...wrong }) }), undefined, JSON.stringify(wrong))
  }
})

test('alg: none is refused', async t => {
  const server = await jwksServer(t, [rsa.jwk])
  const authenticate = byJwt({ ...others, jwksUrl: server.url })
  t.equal(await authenticate({ bearer: new UnsecuredJWT({ sub: 'me', ...right, ...expiring() }).encode() }), undefined)
})

test('HS256 with the text of the public key as its secret is refused', async t => {
  const server = await jwksServer(t, [rsa.jwk])
  const authenticate = byJwt({ ...others, jwksUrl: server.url })
  for (const secret of [rsa.pem, rsa.pem.trim(), JSON.stringify(rsa.jwk)]) t.equal(await authenticate({ bearer: await signHs256(secret, right) }), undefined)
})

test('a key of the token\'s own, by value or by URL, is not believed', async t => {
  const server = await jwksServer(t, [rsa.jwk])
  const evil = await signingKey('RS256', 'rsa-1')
  const evilServer = await jwksServer(t, [evil.jwk])
  const authenticate = byJwt({ ...others, jwksUrl: server.url })
  t.equal(await authenticate({ bearer: await evil.sign(right, { jwk: evil.jwk }) }), undefined)
  t.equal(await authenticate({ bearer: await evil.sign(right, { jku: evilServer.url }) }), undefined)
  t.equal(evilServer.requests, 0)
})

test('an algorithm that is not asked for is refused, though its key is in the JWKS', async t => {
  const key = await signingKey('RS512', 'rsa-512')
  const server = await jwksServer(t, [key.jwk])
  const authenticate = byJwt({ ...others, jwksUrl: server.url })
  t.equal(await authenticate({ bearer: await key.sign(right) }), undefined)
})

test('tokens with unknown keys do not make the gateway ask for the JWKS again and again', async t => {
  const server = await jwksServer(t, [rsa.jwk])
  const authenticate = byJwt({ ...others, jwksUrl: server.url })
  const stranger = await signingKey('ES256', 'nobody')
  for (let i = 0; i < 20; i++) t.equal(await authenticate({ bearer: await stranger.sign(right, { kid: `nobody-${i}` }) }), undefined)
  t.equal(server.requests, 1)
  t.match(await authenticate({ bearer: await rsa.sign(right) }), { id: 'me' })
})
