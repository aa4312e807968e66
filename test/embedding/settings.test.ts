import { test } from 'tap'
import gateway from '../../app.ts'
import { embed, host } from './host.ts'

test('settings in code have the types of the schema, and win over the environment', async t => {
  const app = host(t)
  await embed(app, { prefix: '/ai', environment: { COPILOT_SERVICE_URL: 'nonsense', RATE_LIMIT_MAX: '7' }, settings: { COPILOT_SERVICE_URL: 'http://127.0.0.1:9', RATE_LIMIT_MAX: 3 } })
  t.equal((await app.inject('/ai/api/models')).headers['ratelimit-limit'], '3')
})

test('a name that is no setting is refused, and a value that breaks a rule', async t => {
  for (const [settings, message] of [[{ COPILOT_SERVICE_ULR: 'x' }, /COPILOT_SERVICE_ULR.*COPILOT_SERVICE_URL/], [{ NOTHING_LIKE_IT: 1 }, /^NOTHING_LIKE_IT is no setting$/], [{ MAX_STREAMS: 0 }, /MAX_STREAMS/], [{ MAX_STREAMS: 'many' }, /MAX_STREAMS/]] as const) {
    // What TypeScript would not let pass is what JavaScript may hand over.
    await t.rejects(Reflect.apply(embed, undefined, [host(t), { prefix: '/ai', settings }]), { message })
  }
})

test('without an environment of its own, the gateway reads that of the process', async t => {
  const app = host(t)
  await app.register(gateway, { prefix: '/ai', page: false, settings: { COPILOT_SERVICE_URL: 'http://127.0.0.1:9', AUTH_MODE: 'none', METRICS_PORT: '', RATE_LIMIT_MAX: undefined } })
  t.equal((await app.inject('/ai/health')).statusCode, 200)
})
