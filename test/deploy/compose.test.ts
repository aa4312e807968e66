import { spawnSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { test } from 'tap'
import { parse } from 'yaml'
import { Config } from '../../plugins/config.ts'
import { program } from '../programs.ts'

/** What the tests look at of a service in the Compose file. */
interface Service {
  build: { context: string, dockerfile: string }
  environment: Record<string, string | number>
  depends_on?: Record<string, { condition: string }>
  ports?: string[]
  stop_grace_period: string
  deploy?: { replicas: number }
  command?: string
  volumes?: string[]
  [key: string]: unknown
}

const text = await readFile('deploy/compose.yaml', 'utf8')
const { gateway, copilot, haproxy, redis }: Record<'gateway' | 'copilot' | 'haproxy' | 'redis', Service> = parse(text, { strict: true }).services

test('the gateway asks the Copilot service of the same file, with the same secret, once it is healthy', async t => {
  const { COPILOT_SERVICE_URL: url, COPILOT_SERVICE_TOKEN: token } = gateway.environment
  const port = /\bCOPILOT_PORT=(\d+)/.exec(await readFile('deploy/copilot.Dockerfile', 'utf8'))?.[1]

  t.equal(url, `http://copilot:${port}`)
  t.match(token, /^\$\{COPILOT_SERVICE_TOKEN:\?/, 'missing, nothing starts')
  t.equal(copilot.environment.COPILOT_SERVICE_TOKEN, token)
  t.strictSame(gateway.depends_on, { copilot: { condition: 'service_healthy' }, redis: { condition: 'service_healthy' } })
  t.equal(gateway.build.dockerfile, 'deploy/Dockerfile')
  t.equal(copilot.build.dockerfile, 'deploy/copilot.Dockerfile')
})

test('nobody is let in before somebody says who', async t => {
  t.match(gateway.environment.AUTH_MODE, /^\$\{AUTH_MODE:\?/)
  t.strictSame(haproxy.ports, ['127.0.0.1:3000:8080'], 'this machine only')
  t.strictSame([gateway.ports, redis.ports], [undefined, undefined], 'HAProxy and the gateways only')
  t.equal(copilot.ports, undefined, 'the gateway only')
})

test('a container is not killed while it drains', async t => {
  const { DRAIN_DELAY_MS: delay, DRAIN_TIMEOUT_MS: timeout } = gateway.environment
  // server.ts gives up 10 s after the drain should have been over.
  t.ok(milliseconds(gateway.stop_grace_period) > Number(delay) + Number(timeout) + 10_000)
  t.ok(milliseconds(copilot.stop_grace_period) > Number(copilot.environment.DRAIN_TIMEOUT_MS) + 10_000)
})

test('the gateway gets no variable that it does not know', async t => {
  t.strictSame(Object.keys(gateway.environment).filter(name => !(name in Config.properties)), [])
})

test('no container has more rights than it needs', async t => {
  for (const service of [gateway, copilot, haproxy, redis]) {
    t.strictSame(service.cap_drop, ['ALL'])
    t.strictSame(service.security_opt, ['no-new-privileges:true'])
    t.notOk(service.privileged)
  }
})

test('the gateways share the Redis of the same file, and HAProxy has a place for each of them', async t => {
  t.equal(gateway.environment.REDIS_URL, 'redis://redis:6379')
  t.match(redis.command, /--maxmemory-policy noeviction/)
  const path = program(t, 'haproxy', 'haproxy')
  if (!path) return
  t.equal(spawnSync(path, ['-c', '-f', 'deploy/haproxy-compose.cfg'], { encoding: 'utf8' }).status, 0)
  const config = await readFile('deploy/haproxy-compose.cfg', 'utf8')
  t.equal(/server-template gateway (\d+) gateway:3000/.exec(config)?.[1], String(gateway.deploy?.replicas))
  t.match(haproxy.volumes, ['./haproxy-compose.cfg:/usr/local/etc/haproxy/haproxy.cfg:ro'])
})

function milliseconds (seconds: string): number {
  return Number(/^(\d+)s$/.exec(seconds)?.[1]) * 1000
}
