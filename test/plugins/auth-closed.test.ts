import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Fastify from 'fastify'
import { type Test, test } from 'tap'
import gateway from '../../app.ts'
import { serverOptions } from '../../lib/server-options.ts'

/** A gateway that does not listen yet. */
async function start (t: Test, environment: Record<string, string> = {}) {
  const env = { LOG_LEVEL: 'silent', COPILOT_SERVICE_URL: 'http://127.0.0.1:9', ...environment }
  const app = Fastify(serverOptions(env))
  t.teardown(() => app.close())
  await app.register(gateway, { environment: env })
  return app
}

const refusal = { name: 'StartError', message: /^AUTH_MODE must be none, api-key or jwt to listen on / }

test('without AUTH_MODE the gateway does not listen where others could connect', async t => {
  for (const host of ['0.0.0.0', '::', '10.1.2.3', 'example.com', '']) {
    const app = await start(t)
    await t.rejects(app.listen({ host, port: 0 }), refusal, host)
    t.notOk(app.server.listening)
  }
})

test('it listens on loopback addresses and on a socket of the file system', async t => {
  for (const host of ['127.0.0.1', '127.0.0.2', '::1', 'localhost', undefined]) {
    const app = await start(t)
    await t.resolves(app.listen({ host, port: 0 }), String(host))
  }
  const app = await start(t)
  // A path of the test's own directory is longer than a socket's may be.
  const directory = await mkdtemp(join(tmpdir(), 'gateway-'))
  t.teardown(() => rm(directory, { recursive: true }))
  await t.resolves(app.listen({ path: join(directory, 'socket') }))
})

test('the same holds for whoever has the server of Node listen itself', async t => {
  const app = await start(t)
  await app.ready()
  t.throws(() => app.server.listen(0), refusal)
  t.throws(() => app.server.listen(0, '0.0.0.0'), refusal)
  t.notOk(app.server.listening)
  app.server.listen(0, '127.0.0.1')
  await once(app.server, 'listening')
  t.match(app.server.address(), { address: '127.0.0.1' })
})

test('with AUTH_MODE it listens anywhere', async t => {
  const modes: Array<Record<string, string>> = [{ AUTH_MODE: 'none' }, { AUTH_MODE: 'api-key', API_KEYS: 'web:key' }, { AUTH_MODE: 'jwt', JWT_SECRET: 'secret' }]
  for (const environment of modes) {
    const app = await start(t, environment)
    await t.resolves(app.listen({ host: '0.0.0.0', port: 0 }), String(environment.AUTH_MODE))
  }
})

test('a mode without what it needs is refused at start', async t => {
  await t.rejects(start(t, { AUTH_MODE: 'api-key' }), { name: 'StartError', message: /^API_KEYS / })
  await t.rejects(start(t, { AUTH_MODE: 'jwt' }), { name: 'StartError', message: /JWT_SECRET or JWT_JWKS_URL/ })
})
