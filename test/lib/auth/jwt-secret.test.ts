import { UnsecuredJWT } from 'jose'
import { test } from 'tap'
import { byJwt } from '../../../lib/auth/jwt.ts'
import { expiring, signHs256 } from './jwks.ts'

const secret = 'a secret of at least thirty-two characters'
const unset = { secret: '', jwksUrl: '', issuer: '', audience: '' }

test('a token signed with the secret is known by its sub', async t => {
  const authenticate = byJwt({ ...unset, secret })
  t.strictSame(await authenticate({ bearer: await signHs256(secret) }), { id: 'me', kind: 'jwt' })
})

test('a service without a subject is known by its client_id', async t => {
  const authenticate = byJwt({ ...unset, secret })
  t.strictSame(await authenticate({ bearer: await signHs256(secret, { sub: undefined, client_id: 'batch' }) }), { id: 'batch', kind: 'jwt' })
})

test('a token that names nobody is refused', async t => {
  const authenticate = byJwt({ ...unset, secret })
  for (const claims of [{ sub: undefined }, { sub: '' }, { sub: 'x'.repeat(257) }, { sub: undefined, client_id: 7 }]) t.equal(await authenticate({ bearer: await signHs256(secret, claims) }), undefined)
})

test('no token, an API key and anything that is no token are refused', async t => {
  const authenticate = byJwt({ ...unset, secret })
  t.equal(await authenticate({}), undefined)
  t.equal(await authenticate({ apiKey: await signHs256(secret) }), undefined)
  for (const bearer of ['x', 'a.b.c', '..', 'eyJhbGciOiJIUzI1NiJ9..', (await signHs256(secret)).slice(0, -2)]) t.equal(await authenticate({ bearer }), undefined, bearer)
})

test('another secret is refused', async t => {
  const authenticate = byJwt({ ...unset, secret })
  t.equal(await authenticate({ bearer: await signHs256(`${secret}!`) }), undefined)
})

test('a token that expired, is not valid yet or never expires is refused', async t => {
  const authenticate = byJwt({ ...unset, secret })
  const now = Math.floor(Date.now() / 1000)
  for (const claims of [{ exp: now - 10 }, { exp: undefined }, { nbf: now + 100 }]) t.equal(await authenticate({ bearer: await signHs256(secret, claims) }), undefined, JSON.stringify(claims))
})

test('alg: none is refused', async t => {
  const authenticate = byJwt({ ...unset, secret })
  t.equal(await authenticate({ bearer: new UnsecuredJWT({ sub: 'me', ...expiring() }).encode() }), undefined)
})

test('issuer and audience must be the configured ones', async t => {
  const authenticate = byJwt({ ...unset, secret, issuer: 'https://id.example', audience: 'gateway' })
  const right = { iss: 'https://id.example', aud: 'gateway' }
  t.match(await authenticate({ bearer: await signHs256(secret, right) }), { id: 'me' })
  t.match(await authenticate({ bearer: await signHs256(secret, { ...right, aud: ['other', 'gateway'] }) }), { id: 'me' })
  for (const wrong of [{ iss: 'https://id.example/' }, { iss: undefined }, { aud: 'other' }, { aud: undefined }, { aud: [] }]) {
    t.equal(await authenticate({ bearer: await signHs256(secret, { ...right, ...wrong }) }), undefined, JSON.stringify(wrong))
  }
})

test('exactly one kind of key must be configured', async t => {
  t.throws(() => byJwt(unset), { name: 'StartError', message: /^either JWT_SECRET or JWT_JWKS_URL must be set/ })
  t.throws(() => byJwt({ ...unset, secret, jwksUrl: 'http://127.0.0.1/jwks' }), { name: 'StartError', message: /not both$/ })
})
