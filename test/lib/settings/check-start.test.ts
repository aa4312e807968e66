import { test } from 'tap'
import { checkStart } from '../../../lib/settings/check-start.ts'

test('settings that a gateway starts with are given back', async t => {
  t.match(checkStart({ PORT: '8080' }), { PORT: 8080, HOST: '127.0.0.1' })
  t.match(checkStart({ HOST: '0.0.0.0', AUTH_MODE: 'none', METRICS_PORT: '9464' }), { AUTH_MODE: 'none' })
  t.match(checkStart({ COPILOT_CALLER_TOKENS: 'accept', COPILOT_SERVICE_URL: 'https://copilot, http://me:you@localhost:3001/x,http://[::1]' }), { COPILOT_CALLER_TOKENS: 'accept' })
})

test('whatever would stop a start does here, in one line and without a secret', async t => {
  for (const [values, why] of [
    [{ PORT: 'abc' }, /^PORT must be integer/],
    [{ HOST: '0.0.0.0' }, /^AUTH_MODE must be none, api-key or jwt to listen on 0\.0\.0\.0/],
    [{ AUTH_MODE: 'api-key', API_KEYS: 's3cret' }, /^API_KEYS must be name:key pairs/],
    [{ AUTH_MODE: 'jwt' }, /^either JWT_SECRET or JWT_JWKS_URL must be set/],
    [{ CORS_ORIGIN: 'example' }, /^CORS_ORIGIN must be/],
    [{ ALLOWED_HOSTS: '*' }, /^ALLOWED_HOSTS must be/],
    [{ COPILOT_CALLER_TOKENS: 'accept', COPILOT_SERVICE_URL: 'https://copilot,http://s3cret@copilot:3001' }, /^COPILOT_CALLER_TOKENS sends GitHub tokens/],
    [{ COPILOT_CALLER_TOKENS: 'yes' }, /^COPILOT_CALLER_TOKENS must be one of/],
    [{ METRICS_PORT: '99999' }, /^METRICS_PORT must be/],
    [{ METRICS_PORT: '3000' }, /^METRICS_PORT must be another port/]
  ] as const) {
    try {
      checkStart(values)
      t.fail(JSON.stringify(values))
    } catch (error) {
      t.match(error, { name: 'StartError', message: why })
      t.notMatch(String(error), /s3cret|\n/)
    }
  }
})
