import Fastify from 'fastify'
import { test } from 'tap'
import { serverOptions } from '../../lib/server-options.ts'
import { build } from '../helper.ts'

/** The address that a gateway with this setting takes the client for, whose proxy is on loopback. */
async function clientAddress (environment: Record<string, string>): Promise<string> {
  const app = Fastify(serverOptions({ LOG_LEVEL: 'silent', ...environment }))
  app.get('/', async ({ ip }) => ip)
  return (await app.inject({ url: '/', remoteAddress: '127.0.0.1', headers: { 'x-forwarded-for': '203.0.113.7, 198.51.100.1' } })).body
}

test('a proxy is believed only as far as TRUST_PROXY says', async t => {
  t.equal(await clientAddress({}), '127.0.0.1')
  t.equal(await clientAddress({ TRUST_PROXY: 'false' }), '127.0.0.1')
  t.equal(await clientAddress({ TRUST_PROXY: '1' }), '127.0.0.1')
  t.equal(await clientAddress({ TRUST_PROXY: 'nonsense' }), '127.0.0.1')
  t.equal(await clientAddress({ TRUST_PROXY: '127.0.0.1' }), '198.51.100.1')
  t.equal(await clientAddress({ TRUST_PROXY: 'loopback, 198.51.100.0/24' }), '203.0.113.7')
  t.equal(await clientAddress({ TRUST_PROXY: 'true' }), '203.0.113.7')
})

test('a hop count is taken with a warning that it trusts nobody', async t => {
  const warning = (line: { msg: string }) => line.msg.startsWith('TRUST_PROXY is a hop count')
  const counted = await build(t, { COPILOT_SERVICE_URL: 'http://127.0.0.1:9', TRUST_PROXY: '1' })
  t.match(counted.log.lines.find(warning), { level: 40 })
  const named = await build(t, { COPILOT_SERVICE_URL: 'http://127.0.0.1:9', TRUST_PROXY: 'loopback' })
  t.notOk(named.log.lines.find(warning))
})
