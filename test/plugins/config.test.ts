import Fastify from 'fastify'
import { test } from 'tap'
import config, { type Environment } from '../../plugins/config.ts'

async function load (environment: Environment) {
  const app = Fastify()
  await app.register(config, { environment })
  return app.config
}

test('every variable has its default', async t => {
  t.strictSame(await load({}), {
    HOST: '127.0.0.1',
    PORT: 3000,
    LOG_LEVEL: 'info',
    NODE_ENV: '',
    DEMO_PAGE: 'on',
    COPILOT_SERVICE_URL: '',
    COPILOT_SERVICE_TOKEN: '',
    COPILOT_CALLER_TOKENS: '',
    COPILOT_CONNECT_TIMEOUT_MS: 5_000,
    COPILOT_FIRST_BYTE_TIMEOUT_MS: 60_000,
    COPILOT_IDLE_TIMEOUT_MS: 60_000,
    COPILOT_STREAM_RETRY_MS: 60_000,
    BODY_LIMIT_BYTES: 1024 * 1024,
    STREAM_MAX_MS: 600_000,
    CLIENT_STALL_TIMEOUT_MS: 60_000,
    SSE_HEARTBEAT_MS: 15_000,
    RESUME_GRACE_MS: 30_000,
    RESUME_TTL_MS: 300_000,
    RESUME_MAX_BYTES: 67_108_864,
    RATE_LIMIT_MAX: 60,
    RATE_LIMIT_WINDOW_MS: 60_000,
    MAX_STREAMS: 1_000,
    MAX_STREAMS_PER_CALLER: 10,
    TOKENS_PER_CALLER: 0,
    TOKENS_WINDOW_MS: 86_400_000,
    MAX_LOOP_DELAY_MS: 1000,
    ALLOWED_HOSTS: '',
    CORS_ORIGIN: '',
    AUTH_MODE: '',
    API_KEYS: '',
    JWT_SECRET: '',
    JWT_JWKS_URL: '',
    JWT_ISSUER: '',
    JWT_AUDIENCE: '',
    TRUST_PROXY: 'false',
    DRAIN_DELAY_MS: 0,
    DRAIN_TIMEOUT_MS: 30_000,
    REDIS_URL: '',
    REDIS_KEY_PREFIX: 'csg:',
    METRICS_CALLERS: 'off',
    METRICS_PORT: '',
    METRICS_TOKEN: '',
    OTEL_EXPORTER_OTLP_ENDPOINT: ''
  })
})

test('numbers are read as numbers, and what is not a variable of ours is left out', async t => {
  const loaded = await load({ PORT: ' 0 ', DRAIN_TIMEOUT_MS: '2147483647', PATH: '/bin', COPILOT_SERVICE_URL: 'https://copilot.example/base/', LOG_LEVEL: 'silent' })
  t.match(loaded, { PORT: 0, DRAIN_TIMEOUT_MS: 2_147_483_647, COPILOT_SERVICE_URL: 'https://copilot.example/base/', LOG_LEVEL: 'silent' })
  t.notOk('PATH' in loaded)
})

/** The least that each duration may be: a limit of no time at all would refuse everything. */
const durations = Object.entries({
  COPILOT_CONNECT_TIMEOUT_MS: 1,
  COPILOT_FIRST_BYTE_TIMEOUT_MS: 1,
  COPILOT_IDLE_TIMEOUT_MS: 1,
  COPILOT_STREAM_RETRY_MS: 0,
  STREAM_MAX_MS: 1,
  CLIENT_STALL_TIMEOUT_MS: 1,
  SSE_HEARTBEAT_MS: 10,
  RESUME_GRACE_MS: 0,
  RESUME_TTL_MS: 0,
  DRAIN_DELAY_MS: 0,
  DRAIN_TIMEOUT_MS: 0
})

const bad: Array<[name: string, value: string, rule: string]> = [
  ['PORT', 'abc', 'must be integer (0 to 65535), not "abc"'],
  ['PORT', '3e3', 'must be integer (0 to 65535), not "3e3"'],
  ['PORT', '3000.5', 'must be integer (0 to 65535), not "3000.5"'],
  ['PORT', '-1', 'must be >= 0 (0 to 65535), not "-1"'],
  ['PORT', '65536', 'must be <= 65535 (0 to 65535), not "65536"'],
  ['PORT', 'ghp_0123456789abcdefABCD', 'must be integer (0 to 65535), not "[redacted]"'],
  ['RATE_LIMIT_MAX', 'x'.repeat(100), `must be integer (at least 0), not "${'x'.repeat(59)}…"`],
  ...durations.flatMap(([name, least]): Array<[string, string, string]> => [
    [name, '1s', `must be integer (${least} to 2147483647), not "1s"`],
    [name, String(least - 1), `must be >= ${least} (${least} to 2147483647), not "${least - 1}"`],
    [name, '2147483648', `must be <= 2147483647 (${least} to 2147483647), not "2147483648"`]
  ]),
  ['LOG_LEVEL', 'loud', 'must be one of fatal, error, warn, info, debug, trace, silent, not "loud"'],
  ['AUTH_MODE', 'api-key; API_KEYS=me:key-of-mine', 'must be one of none, api-key, jwt'],
  ['AUTH_MODE', 'basic', 'must be one of none, api-key, jwt, not "basic"'],
  ['COPILOT_SERVICE_TOKEN', 'two words', 'must be printable ASCII without spaces'],
  ['COPILOT_SERVICE_TOKEN', 'line\nbreak', 'must be printable ASCII without spaces'],
  ...['localhost:4000', 'ftp://x', 'http://', 'http://x?y=z', 'http://x#y', 'http://a b', 'http://x:99999', 'http://[', '//x'].map((url): [string, string, string] => ['COPILOT_SERVICE_URL', url, 'must be an http:// or https:// URL without query, or empty for the companion']),
  ...['id.example/jwks', 'file:///etc/jwks', 'https://', 'https://x:99999/jwks'].map((url): [string, string, string] => ['JWT_JWKS_URL', url, 'must be an http:// or https:// URL']),
  ...['localhost:4318', 'grpc://x', 'http://x:99999', 'http://x?y=z'].map((url): [string, string, string] => ['OTEL_EXPORTER_OTLP_ENDPOINT', url, 'must be an http:// or https:// URL without query']),
  ['TRUST_PROXY', 'yes', 'must be true, false, a hop count, or comma-separated addresses and networks'],
  ['TRUST_PROXY', 'proxy.example.com', 'must be true, false, a hop count, or comma-separated addresses and networks']
]

for (const [name, value, rule] of bad) {
  test(`${name}=${JSON.stringify(value)} stops the start with one line that names the rule`, async t => {
    await t.rejects(load({ [name]: value }), { name: 'StartError', message: `${name} ${rule}` })
  })
}

test('there may be several services, each held to the rules of one', async t => {
  const urls = 'https://me:s3cret@one.example/base, http://two.example,http://two.example:81/'
  t.match(await load({ COPILOT_SERVICE_URL: urls }), { COPILOT_SERVICE_URL: urls })
  for (const url of ['localhost:4000', 'http://x?y=z', 'http://x:99999', '', 'ftp://x']) {
    await t.rejects(load({ COPILOT_SERVICE_URL: `http://one.example,${url}` }), { name: 'StartError', message: 'COPILOT_SERVICE_URL must be an http:// or https:// URL without query, or empty for the companion; several are comma-separated' })
  }
  await t.rejects(load({ COPILOT_SERVICE_URL: urls, COPILOT_SERVICE_TOKEN: 'x' }), { message: /both are one header/ })
  await t.rejects(load({ COPILOT_SERVICE_URL: `${urls},https://one.example/base/` }), { name: 'StartError', message: 'COPILOT_SERVICE_URL names https://one.example/base twice' })
})

test('every broken rule is named, and no secret', async t => {
  await t.rejects(load({ PORT: 'abc', COPILOT_SERVICE_TOKEN: 'two words' }), { name: 'StartError', message: 'PORT must be integer (0 to 65535), not "abc"; COPILOT_SERVICE_TOKEN must be printable ASCII without spaces' })
})

test('a service that has a password in its URL has no token besides', async t => {
  const message = 'COPILOT_SERVICE_URL must have no name or password in it when COPILOT_SERVICE_TOKEN is set: both are one header'
  for (const userinfo of ['me:s3cret@', 'me@', ':s3cret@']) {
    await t.rejects(load({ COPILOT_SERVICE_URL: `https://${userinfo}copilot.example`, COPILOT_SERVICE_TOKEN: 'x' }), { name: 'StartError', message })
    await t.resolves(load({ COPILOT_SERVICE_URL: `https://${userinfo}copilot.example` }))
  }
})
