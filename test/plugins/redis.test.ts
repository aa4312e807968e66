import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Redis } from 'ioredis'
import { type Test, test } from 'tap'
import { NODE, start } from '../entry/process.ts'
import { build, type Gateway } from '../helper.ts'
import { redisServer } from '../redis.ts'
import { scrape } from '../scrape.ts'

const nowhere = { COPILOT_SERVICE_URL: 'http://127.0.0.1:9', DEMO_PAGE: 'off' }
const gateway = async (t: Test, REDIS_URL: string): Promise<Gateway> => await build(t, { ...nowhere, REDIS_URL })
const aboutRedis = ({ log }: Gateway) => log.lines.filter(({ msg }) => /^Redis/.test(msg)).map(({ level, msg, reason }) => ({ level, msg, reason }))
const up = async ({ url }: Gateway) => (await scrape(url)).value('gateway_store_up')
const LOST = 'Redis is lost: new answers are not kept, and this process limits callers by its own counts'
const lost = (reason: unknown) => ({ level: 40, msg: LOST, reason })
const BACK = { level: 30, msg: 'Redis is back', reason: undefined }

/** The first line that says that Redis is back, or the next when `count` were there before. */
async function back ({ log }: Gateway, count = 0): Promise<void> {
  await log.line(() => log.lines.filter(({ msg }) => msg === BACK.msg).length > count)
}

/** A certificate of its own authority for `localhost`, in a directory that goes with the test. */
function certificate (t: Test): { readonly key: string, readonly cert: string } {
  const directory = mkdtempSync(join(tmpdir(), 'certificate-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const [key, cert] = [join(directory, 'key'), join(directory, 'cert')]
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=localhost', '-keyout', key, '-out', cert], { stdio: 'ignore' })
  return { key, cert }
}

test('without REDIS_URL everything is in memory, and no client of Redis is loaded', async t => {
  const root = fileURLToPath(new URL('../../', import.meta.url))
  const script = `
    const { createRequire } = await import('node:module')
    const { default: Fastify } = await import('fastify')
    const { default: gateway } = await import('${root}app.ts')
    for (const REDIS_URL of ['', 'redis://127.0.0.1:9']) {
      const app = Fastify()
      await app.register(gateway, { settings: { COPILOT_SERVICE_URL: 'http://127.0.0.1:9', DEMO_PAGE: 'off', REDIS_URL }, environment: {} })
      await app.close()
      console.log(Object.keys(createRequire('${root}').cache).some(path => path.includes('/ioredis/')))
    }`
  const child = start(t, [...NODE, '--input-type=module', '--eval', script], {})
  t.equal(await child.ended, 0, child.stderr)
  t.equal(child.stdout, 'false\ntrue\n')

  const here = await gateway(t, '')
  t.match(here.log.lines[0], { store: 'memory' })
  t.equal(here.app.redis, undefined)
  t.equal(await up(here), undefined)
})

test('a Redis that dies is one warning, and one line when it is back; the gateway is ready all the time', async t => {
  const server = await redisServer(t)
  if (!server) return
  const here = await gateway(t, server.url)
  t.match(here.log.lines[0], { store: 'redis' })
  t.equal(await up(here), 1)
  await server.stop()
  await here.log.line(({ msg }) => msg === LOST)
  t.equal(await up(here), 0)
  t.equal((await fetch(`${here.url}/health/ready`)).status, 200)
  // By now it was looked for in vain.
  await server.start()
  await back(here)
  t.equal(await up(here), 1)
  await here.app.close()
  t.strictSame(aboutRedis(here), [lost('the connection was closed'), BACK])
})

test('a Redis that is not there stops no start, and is found when it comes', async t => {
  const server = await redisServer(t)
  if (!server) return
  await server.stop()
  const here = await gateway(t, server.url)
  t.equal(await up(here), 0)
  await server.start()
  await back(here)
  t.strictSame(aboutRedis(here), [lost('ECONNREFUSED'), BACK])
})

test('a Redis that accepts connections and says nothing is lost', async t => {
  const server = await redisServer(t)
  if (!server) return
  const here = await gateway(t, server.url)
  server.pause()
  await here.log.line(({ msg }) => msg === LOST)
  const late = await gateway(t, server.url)
  t.equal(late.app.redis?.up, false)
  server.resume()
  await Promise.all([back(here), back(late)])
  t.match(aboutRedis(here), [lost(/^Socket timeout/), BACK])
  t.match(aboutRedis(late), [lost(/./), BACK])
})

test('a Redis that takes no writes is of no use, and says why', async t => {
  const server = await redisServer(t)
  if (!server) return
  const admin = new Redis(server.url)
  t.teardown(() => admin.disconnect())
  const here = await gateway(t, server.url)
  await admin.config('SET', 'maxmemory', '1')
  await here.log.line(({ msg }) => msg === LOST)
  t.equal(await up(here), 0)
  await admin.config('SET', 'maxmemory', '0')
  await back(here)
  await admin.replicaof('127.0.0.1', '9')
  await here.log.line(({ reason }) => /READONLY/.test(String(reason)))
  await admin.replicaof('NO', 'ONE')
  await back(here, 1)
  t.match(aboutRedis(here), [lost(/^ReplyError: OOM command not allowed/), BACK, lost(/^ReplyError: READONLY/), BACK])
  t.strictSame(await admin.keys('*'), [], 'asking leaves nothing behind')
})

test('a user of Redis may be one that sees nothing but the prefix; a wrong password is named without being shown', async t => {
  const server = await redisServer(t, '--user', 'gateway', 'on', '>s3cr@t', '~own:*', '&own:*', '+@all', '-@dangerous', '+info', '--user', 'default', 'off')
  if (!server) return
  const urlFor = (password: string) => server.url.replace('//', `//gateway:${password}@`)
  const file = join(t.testdir({ url: `${urlFor('s3cr%40t')}\n` }), 'url')
  const here = await build(t, { ...nowhere, REDIS_URL_FILE: file, REDIS_KEY_PREFIX: 'own:' })
  t.equal(await up(here), 1)
  await here.app.redis?.commands.set('own:key', 'value')
  t.strictSame(aboutRedis(here), [])

  const wrong = await gateway(t, urlFor('h%40sh-7f3a9c51'))
  t.match(aboutRedis(wrong), [lost(/^WRONGPASS/)])
  for (const { log, url } of [here, wrong]) t.notMatch(JSON.stringify(log.lines) + (await scrape(url)).text, /s3cr|h@sh|h%40sh|gateway:/)
})

test('TLS: a certificate of an authority of one’s own is taken where Node knows it, and refused elsewhere', async t => {
  const { key, cert } = certificate(t)
  const server = await redisServer(t)
  if (!server) return
  await server.stop()
  await server.start('--port', '0', '--tls-port', String(server.port), '--tls-cert-file', cert, '--tls-key-file', key, '--tls-auth-clients', 'no')
  const url = `rediss://localhost:${server.port}`

  t.match(aboutRedis(await gateway(t, url)), [lost('DEPTH_ZERO_SELF_SIGNED_CERT')])
  const entry = fileURLToPath(new URL('../../server.ts', import.meta.url))
  const child = start(t, [...NODE, entry], { ...nowhere, REDIS_URL: url, NODE_EXTRA_CA_CERTS: cert })
  t.equal((await scrape(await child.url())).value('gateway_store_up'), 1)
  t.notMatch(child.stdout, /Redis is lost|rediss:/)
})

test('a URL that cannot be read stops the start with one line, and without its credentials', async t => {
  await t.rejects(build(t, { REDIS_URL: 'redis://me:s3cret%ff@127.0.0.1:6379' }), { name: 'StartError', message: 'REDIS_URL must be a URL whose credentials are percent-encoded' })
})
