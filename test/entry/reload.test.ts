import { once } from 'node:events'
import { rename, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import tap, { type Test, test } from 'tap'
import { streams, upstream } from '../helper.ts'
import { type GatewayProcess, NODE, startIn } from './process.ts'

tap.setTimeout(120_000)

const entry = fileURLToPath(new URL('../../server.ts', import.meta.url))

interface Running {
  readonly gateway: GatewayProcess
  /** Replaces a file of its directory, whole. */
  write (name: string, text: string): Promise<void>
  /** Sends SIGHUP and resolves with the lines that the log has of it, up to one that matches. */
  reload (expected: RegExp): Promise<string>
}

/** A gateway with settings in files, which `.env` and a file of its own for the token are. */
async function run (t: Test, files: Record<string, string>): Promise<Running> {
  const directory = t.testdir(files)
  const gateway = startIn(t, directory, [...NODE, entry], { DEMO_PAGE: 'off' })
  return {
    gateway,
    write: async (name, text) => {
      await writeFile(`${directory}/draft`, text)
      await rename(`${directory}/draft`, `${directory}/${name}`)
    },
    reload: async expected => {
      const from = gateway.stdout.length
      gateway.kill('SIGHUP')
      while (!expected.test(gateway.stdout.slice(from))) await once(gateway, 'output')
      return gateway.stdout.slice(from)
    }
  }
}

const question = (key: string) => ({ method: 'POST', headers: { 'x-api-key': key, 'content-type': 'application/json' }, body: '{"prompt":"Hi"}' })

test('SIGHUP takes over API keys and the service\'s token, of .env and of files, while answers go on', async t => {
  const service = await upstream(t, { '/chat/stream': streams('fine') })
  const env = (keys: string, more = '') => `COPILOT_SERVICE_URL=${service.url}\nCOPILOT_SERVICE_TOKEN_FILE=token\nAUTH_MODE=api-key\nAPI_KEYS=${keys}\nRATE_LIMIT_MAX=0\n${more}`
  const { gateway, write, reload } = await run(t, { '.env': env('spa:key-of-old,other:key-of-other'), token: 'token-of-old\n' })
  const url = await gateway.url()

  // One answer that is half told, and askers that never rest.
  let finish = (): void => {}
  service.scripts['/chat/stream'] = reply => {
    reply.writeHead(200, { 'content-type': 'text/plain' }).write('half ')
    finish = () => reply.end('and half')
  }
  const half = await fetch(`${url}/api/chat`, question('key-of-old'))
  t.equal(service.requests.at(-1)?.headers.authorization, 'Bearer token-of-old')
  service.scripts['/chat/stream'] = streams('fine')
  const rest = new AbortController()
  const statuses = new Set<number>()
  const askers = Array.from({ length: 4 }, async () => {
    while (!rest.signal.aborted) {
      const response = await fetch(`${url}/api/chat`, question('key-of-other'))
      statuses.add(response.status)
      await response.text()
    }
  })

  await write('.env', env('spa:key-of-new,other:key-of-other', 'MAX_STREAMS=7\n'))
  await write('token', 'token-of-new\n')
  const told = await reload(/a restart is needed/)
  t.match(told, /"renewed":\["API_KEYS","COPILOT_SERVICE_TOKEN"\]|"renewed":\["COPILOT_SERVICE_TOKEN","API_KEYS"\]/)
  t.match(told, /a restart is needed for what has changed in MAX_STREAMS"/)
  rest.abort()
  await Promise.all(askers)
  t.strictSame([...statuses], [200])

  t.equal((await fetch(`${url}/api/chat`, question('key-of-old'))).status, 401)
  t.equal(await (await fetch(`${url}/api/chat`, question('key-of-new'))).text(), 'fine')
  t.equal(service.requests.at(-1)?.headers.authorization, 'Bearer token-of-new')
  finish()
  t.equal(await half.text(), 'half and half')

  await t.test('what a start would refuse changes nothing, and the log says why', async t => {
    await write('.env', env('no pair'))
    t.match(await reload(/nothing has changed/), /"level":50.*API_KEYS must be name:key pairs/)
    await write('.env', 'no setting')
    t.match(await reload(/nothing has changed/), /\.env cannot be read: line 1 is no setting/)
    await write('.env', env('spa:key-of-new,other:key-of-other', 'MAX_STREAMS=many\n'))
    t.match(await reload(/nothing has changed/), /MAX_STREAMS must be integer/)
    t.equal((await fetch(`${url}/api/chat`, question('key-of-new'))).status, 200)
  })

  await t.test('a token of another service is not told to this one', async t => {
    await write('.env', env('spa:key-of-new,other:key-of-other').replace(service.url, 'http://127.0.0.1:9'))
    await write('token', 'token-of-another\n')
    t.match(await reload(/a restart is needed/), /for what has changed in (COPILOT_SERVICE_URL, COPILOT_SERVICE_TOKEN|COPILOT_SERVICE_TOKEN, COPILOT_SERVICE_URL)"/)
    await (await fetch(`${url}/api/chat`, question('key-of-new'))).text()
    t.equal(service.requests.at(-1)?.headers.authorization, 'Bearer token-of-new')
  })

  t.notMatch(gateway.stdout, /(key|token)-of-/)
  gateway.kill('SIGTERM')
  t.equal(await gateway.ended, 0)
})

test('SIGHUP takes over the secret of tokens, also with the companion', async t => {
  const { gateway, write, reload } = await run(t, { '.env': 'AUTH_MODE=jwt\nJWT_SECRET_FILE=secret\n', secret: 'of-old' })
  await gateway.url()
  t.match(await reload(/were read again/), /no secret has changed/)
  await write('secret', 'of-new')
  t.match(await reload(/were read again/), /"renewed":\["JWT_SECRET"\]/)
  await write('.env', 'AUTH_MODE=jwt\nJWT_SECRET_FILE=secret\nCOPILOT_ENGINE=magic\n')
  t.match(await reload(/nothing has changed/), /COPILOT_ENGINE must be one of/)
  gateway.kill('SIGTERM')
  t.equal(await gateway.ended, 0)
})
