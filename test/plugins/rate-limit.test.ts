import { type Test, test } from 'tap'
import { ask, type Gateway, pair, streams } from '../helper.ts'
import { redisServer } from '../redis.ts'

const keys = { AUTH_MODE: 'api-key', API_KEYS: 'ann:a,bob:b', TRUST_PROXY: 'loopback' }
const gateway = async (t: Test, environment: Record<string, string> = {}): Promise<Gateway> => await pair(t, { '/chat/stream': streams('whole'), '/models': reply => reply.writeHead(404).end() }, environment)
const models = async ({ url }: Gateway, headers: Record<string, string> = {}): Promise<Response> => await fetch(`${url}/api/models`, { headers })

test('a caller may ask sixty times a minute, and is then told when to come back', async t => {
  const here = await gateway(t)
  const first = await models(here)
  t.match(Object.fromEntries(first.headers), { 'ratelimit-limit': '60', 'ratelimit-remaining': '59', 'ratelimit-reset': /^\d+$/ })
  for (let time = 1; time < 60; time++) t.equal((await models(here)).status, 200)

  const refused = await ask(here.url, undefined, { headers: { 'x-request-id': 'the-61st', origin: 'http://localhost:5173' } })
  t.equal(refused.status, 429)
  t.match(Object.fromEntries(refused.headers), { 'x-error-type': 'rate_limited', 'retry-after': /^[1-9]\d?$/, 'ratelimit-remaining': '0', 'access-control-expose-headers': /Retry-After/ })
  t.equal(await refused.text(), 'Error: Too many requests')
  t.match(await here.log.ended('the-61st'), { ended: 'complete', status: 429, errorType: 'rate_limited', level: 30 })
  t.match(await (await models(here, { accept: 'application/json' })).json(), { error: 'Too many requests', errorType: 'rate_limited' })

  for (const path of ['/health', '/docs/json', '/api/nothing']) t.not((await fetch(here.url + path)).status, 429, path)
  const preflight = await fetch(`${here.url}/api/chat`, { method: 'OPTIONS', headers: { origin: 'http://localhost:5173', 'access-control-request-method': 'POST' } })
  t.equal(preflight.status, 204)
})

test('callers who are known are counted by name, others by address', async t => {
  const known = await gateway(t, { ...keys, RATE_LIMIT_MAX: '1' })
  const by = async (key: string, address: string): Promise<number> => (await models(known, { 'x-api-key': key, 'x-forwarded-for': address })).status
  t.strictSame([await by('a', '192.0.2.1'), await by('a', '192.0.2.2'), await by('b', '192.0.2.1')], [200, 429, 200])

  const unknown = await gateway(t, { AUTH_MODE: 'none', TRUST_PROXY: 'loopback', RATE_LIMIT_MAX: '1' })
  const from = async (address: string): Promise<number> => (await models(unknown, { 'x-forwarded-for': address })).status
  t.strictSame([await from('192.0.2.1'), await from('192.0.2.1'), await from('2001:db8::1'), await from('2001:db8::2')], [200, 429, 200, 429])
})

test('a window that is over begins anew', async t => {
  const here = await gateway(t, { RATE_LIMIT_MAX: '1', RATE_LIMIT_WINDOW_MS: '50' })
  let refused = 0
  // Fast machines are refused many times within a window, slow ones perhaps never.
  for (let served = 0; served < 3;) (await models(here)).status === 200 ? served++ : refused++
  t.pass(`${refused} times refused`)
})

test('an address that fails to log in too often is refused unlooked at, right credentials included; others are not', async t => {
  const here = await gateway(t, { ...keys, RATE_LIMIT_MAX: '2' })
  const by = async (key: string, address: string): Promise<Response> => await models(here, { 'x-api-key': key, 'x-forwarded-for': address })
  t.strictSame([(await by('guess', '192.0.2.1')).status, (await by('', '192.0.2.1')).status], [401, 401])
  const refused = await by('a', '192.0.2.1')
  t.equal(refused.status, 429)
  t.match(Object.fromEntries(refused.headers), { 'x-error-type': 'rate_limited', 'retry-after': /^[1-9]\d?$/ })
  t.equal(await refused.text(), 'Error: Too many requests: this address has failed to log in too often')
  t.equal((await by('guess', '192.0.2.1')).status, 429)
  t.equal((await by('a', '192.0.2.2')).status, 200)
})

test('credentials that cannot be checked count as a failed login, since anybody can make them up', async t => {
  const here = await gateway(t, { AUTH_MODE: 'jwt', JWT_JWKS_URL: 'http://127.0.0.1:9/keys', RATE_LIMIT_MAX: '1' })
  const token = `${Buffer.from('{"alg":"RS256","kid":"k"}').toString('base64url')}.${Buffer.from('{"exp":9999999999}').toString('base64url')}.c2ln`
  for (const status of [503, 429]) t.equal((await models(here, { authorization: `Bearer ${token}` })).status, status)
})

test('RATE_LIMIT_MAX=0 puts no limit on anything', async t => {
  const here = await gateway(t, { ...keys, RATE_LIMIT_MAX: '0' })
  for (let time = 0; time < 70; time++) t.equal((await models(here, { 'x-api-key': 'guess' })).status, 401)
  for (let time = 0; time < 70; time++) t.equal((await models(here, { 'x-api-key': 'a' })).headers.get('ratelimit-limit'), null)
})

test('gateways that share a Redis count requests and failed logins together, and each by itself while Redis is lost', async t => {
  const redis = await redisServer(t)
  if (!redis) return
  const shared = { ...keys, RATE_LIMIT_MAX: '2', RATE_LIMIT_WINDOW_MS: '3600000', REDIS_URL: redis.url }
  const [one, two] = [await gateway(t, shared), await gateway(t, shared)]
  const by = async (key: string, here: Gateway, address = '192.0.2.1'): Promise<number> => (await models(here, { 'x-api-key': key, 'x-forwarded-for': address })).status
  const fails = async (here: Gateway): Promise<number> => await by('guess', here, '192.0.2.9')
  t.strictSame([await by('a', one), await by('a', two), await by('a', one), await by('a', two)], [200, 200, 429, 429])
  t.strictSame([await fails(one), await fails(two), await fails(one), await fails(two)], [401, 401, 429, 429])
  const keysThere = await one.app.redis?.commands.keys('*') ?? []
  t.strictSame(keysThere.map(key => key.replace(/[\w-]{43}$/, '…')).sort(), ['csg:failed-logins:…', 'csg:requests:…'])
  for (const key of keysThere) t.ok(Number(await one.app.redis?.commands.pttl(key)) > 0)

  await redis.stop()
  for (const { log } of [one, two]) await log.line(({ msg }) => msg.startsWith('Redis is lost'))
  t.strictSame([await by('b', one), await by('b', one), await by('b', one), await by('b', two)], [200, 200, 429, 200])
  t.strictSame([await fails(one), await fails(two), await fails(two)], [401, 401, 429])
  await redis.start()
  for (const { log } of [one, two]) await log.line(({ msg }) => msg === 'Redis is back')
  t.strictSame([await by('b', one), await by('b', two), await by('b', one)], [200, 200, 429], 'together again, in a Redis that is empty')
})
