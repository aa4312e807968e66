import { test } from 'tap'
import { build } from '../helper.ts'

const url = 'http://127.0.0.1:9'
const secret = 'hush-7f3a9c51'

const refused: Array<[names: RegExp, environment: Record<string, string>]> = [
  [/^API_KEYS must /, { AUTH_MODE: 'api-key', API_KEYS: secret }],
  [/^API_KEYS must /, { AUTH_MODE: 'api-key', API_KEYS: `web:key,a name:${secret}` }],
  [/JWT_SECRET or JWT_JWKS_URL must /, { AUTH_MODE: 'jwt', JWT_SECRET: secret, JWT_JWKS_URL: `https://user:${secret}@id.example/jwks` }],
  [/^JWT_JWKS_URL must /, { AUTH_MODE: 'jwt', JWT_JWKS_URL: `https://user:${secret}@id.example:99999/jwks` }],
  [/^COPILOT_SERVICE_TOKEN must /, { COPILOT_SERVICE_TOKEN: `Bearer ${secret}` }],
  [/^COPILOT_SERVICE_URL must /, { COPILOT_SERVICE_URL: `http://user:${secret}@127.0.0.1:99999` }],
  [/^METRICS_TOKEN must /, { METRICS_TOKEN: `${secret}\n` }],
  [/^REDIS_URL must /, { REDIS_URL: `redis://:${secret}@redis/zero` }],
  [/^REDIS_URL must /, { REDIS_URL: `redis://user:${secret}@redis:99999` }],
  [/^OTEL_EXPORTER_OTLP_ENDPOINT must /, { OTEL_EXPORTER_OTLP_ENDPOINT: `http://user:${secret}@127.0.0.1:99999` }],
  [/^OTEL_EXPORTER_OTLP_ENDPOINT must /, { OTEL_EXPORTER_OTLP_ENDPOINT: `user:${secret}@127.0.0.1` }]
]

for (const [message, environment] of refused) {
  test(`a start that ${Object.keys(environment).at(-1)} stops names it and shows nothing of its value: ${message}`, async t => {
    const error: unknown = await build(t, { COPILOT_SERVICE_URL: url, ...environment }).catch(error => error)
    t.match(error, { name: 'StartError', message })
    t.notMatch(error instanceof Error && error.stack, /hush/)
  })
}
