import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import tap, { test } from 'tap'
import pkg from '../../package.json' with { type: 'json' }
import { requestText, WireClient } from '../faults/client.ts'
import { ask, type Script, streams, upstream } from '../helper.ts'
import { buildPage } from '../page/build.ts'
import { raw } from '../raw.ts'
import { scrape } from '../scrape.ts'
import { start } from './process.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const { scripts } = pkg

// A dozen processes, on a machine that may have other things to do.
tap.setTimeout(180_000)

// What is compiled may be old, or absent; all compiled entry points are tested in this one file, so that nothing else writes it meanwhile.
for (const project of ['tsconfig.build.json', 'tsconfig.client.json']) {
  execFileSync(process.execPath, [`${root}node_modules/typescript/bin/tsc`, '-b', `${root}${project}`], { stdio: 'inherit' })
}

await buildPage(`${root}dist/public`)

/** The commands of package.json, with paths that hold in any directory. */
const server = command(scripts.start)
const cli = command(scripts['start:cli'])
const nowhere = { COPILOT_SERVICE_URL: 'http://127.0.0.1:9' }

function command (script: string): string[] {
  return script.split(' ').flatMap(word => {
    if (word === 'node') return [process.execPath]
    if (word === 'fastify') return [process.execPath, `${root}node_modules/fastify-cli/cli.js`]
    return [word.includes('/') ? root + word : word]
  })
}

for (const [name, entryPoint] of [['npm start', server], ['npm run start:cli', cli]] as const) {
  test(`${name} listens on loopback, answers, and ends with code 0 on SIGTERM`, async t => {
    const service = await upstream(t, { '/chat/stream': streams('fine') })
    const gateway = start(t, entryPoint, { COPILOT_SERVICE_URL: service.url, METRICS_PORT: '0' })
    const url = await gateway.url()
    t.match(url, /^http:\/\/127\.0\.0\.1:\d+$/)
    t.match(await (await fetch(`${url}/health`)).json(), { ok: true, service: 'gateway' })
    const response = await ask(url, undefined, { headers: { 'x-request-id': 'entry.1' } })
    t.equal(response.headers.get('x-request-id'), 'entry.1')
    t.equal(await response.text(), 'fine')
    const metrics = /"url":"(http:[^"]+)\/metrics"/.exec(gateway.stdout)?.[1] ?? ''
    t.match((await scrape(metrics)).counted('gateway_requests_total'), { '/health 200': 1 })
    // A connection ends with its hundredth reply, which takes the options of app.ts.
    const replies = await raw(Number(new URL(url).port), 'GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(101))
    t.equal(replies.match(/HTTP\/1\.1 200 /g)?.length, 100)
    t.match(await (await fetch(url)).text(), /^<!doctype html>/)
    gateway.kill('SIGTERM')
    t.equal(await gateway.ended, 0)
    t.ok(gateway.stdout.includes(`"to try it, open ${url}"`), 'the address to open')
    t.match(gateway.stdout, /"requestId":"entry\.1".*"ended":"complete"/)
    t.equal(gateway.stderr, '')
  })

  test(`${name} refuses a bad value with a line that names it, and code 1`, async t => {
    const gateway = start(t, entryPoint, { COPILOT_SERVICE_URL: 'nonsense' })
    t.equal(await gateway.ended, 1)
    t.match(gateway.stdout + gateway.stderr, /^.*COPILOT_SERVICE_URL must be an http:\/\/ or https:\/\/ URL.*$/m)
  })

  test(`${name} refuses addresses that others can reach with a line that names the three choices, and code 1`, async t => {
    const gateway = start(t, entryPoint, { ...nowhere, HOST: '0.0.0.0' })
    t.equal(await gateway.ended, 1)
    t.match(gateway.stdout, /AUTH_MODE must be none, api-key or jwt to listen on 0\.0\.0\.0/)
    t.notMatch(gateway.stdout, /Server listening/)
  })

  test(`${name} listens there once AUTH_MODE=none says so`, async t => {
    const gateway = start(t, entryPoint, { ...nowhere, HOST: '0.0.0.0', AUTH_MODE: 'none' })
    await t.resolves(gateway.url())
  })
}

test('fastify start refuses them by FASTIFY_ADDRESS, too', async t => {
  const gateway = start(t, cli, { ...nowhere, FASTIFY_ADDRESS: '0.0.0.0', METRICS_PORT: '0' })
  t.equal(await gateway.ended, 1, 'which the listener of METRICS_PORT does not hold up')
  t.match(gateway.stdout, /AUTH_MODE must be none, api-key or jwt to listen on 0\.0\.0\.0/)
})

test('npm start says why it does not start in one line of its log', async t => {
  const gateway = start(t, server, { ...nowhere, PORT: 'abc' })
  t.equal(await gateway.ended, 1)
  t.match(JSON.parse(gateway.stdout), { level: 60, msg: 'PORT must be integer' })
  t.equal(gateway.stderr, '')
})

test('npm start says so of a port that is taken, too', async t => {
  const service = await upstream(t, {})
  const gateway = start(t, server, { ...nowhere, PORT: new URL(service.url).port })
  t.equal(await gateway.ended, 1)
  t.match(JSON.parse(gateway.stdout), { level: 60, msg: /EADDRINUSE.*127\.0\.0\.1:\d+/ })
})

test('.env in the working directory counts, and the environment counts more', async t => {
  const gateway = start(t, server, nowhere, { '.env': 'HOST=127.0.0.2\nCOPILOT_SERVICE_URL=nonsense\n' })
  t.match(await gateway.url(), /^http:\/\/127\.0\.0\.2:\d+$/)
})

test('an error that nobody caught closes the gateway with code 1 and is in the log', async t => {
  const crash = 'data:text/javascript,process.on("SIGUSR2",()=>{throw new Error("nobody caught me")})'
  const gateway = start(t, [process.execPath, `--import=${crash}`, ...server.slice(1)], nowhere)
  await gateway.url()
  gateway.kill('SIGUSR2')
  t.equal(await gateway.ended, 1)
  t.match(gateway.stdout, /nobody caught me.*"msg":"the process cannot go on"/)
})

const begins: Script = reply => reply.writeHead(200, { 'content-type': 'text/plain' }).write('half an ')

test('SIGTERM mid-stream cuts what outlasts the drain, and ends the process with code 1', async t => {
  const service = await upstream(t, { '/chat/stream': begins })
  const gateway = start(t, server, { COPILOT_SERVICE_URL: service.url, DRAIN_TIMEOUT_MS: '50' })
  const port = Number(new URL(await gateway.url()).port)
  const text = new WireClient(port, [requestText({ accept: 'text/plain', id: 'text' })]).read()
  const events = new WireClient(port, [requestText({ accept: 'text/event-stream', id: 'events', resumable: true })]).read()
  await Promise.all([text.seen('half an '), events.seen('half an ')])

  gateway.kill('SIGTERM')
  t.match(await text.over(), [{ status: 200, whole: false }])
  const [told] = await events.over()
  t.equal(told?.whole, true)
  t.match(told?.body.toString(), /event: reconnect\ndata: {"after":8}\n\n$/)
  t.equal(await gateway.ended, 1)
  for (const id of ['text', 'events']) t.match(gateway.stdout, new RegExp(`"requestId":"${id}".*"ended":"drained"`))
  await Promise.all(service.requests.map(async ({ raw: { socket } }) => socket.closed || await once(socket, 'close')))
})

test('SIGTERM mid-stream lets an answer end that ends in time, and the process with code 0', async t => {
  const service = await upstream(t, {
    '/chat/stream': async (reply, request) => {
      begins(reply, request)
      while (!gateway.stdout.includes('"msg":"draining"')) await once(gateway, 'output')
      reply.end('answer')
    }
  })
  const gateway = start(t, server, { COPILOT_SERVICE_URL: service.url })
  const client = new WireClient(Number(new URL(await gateway.url()).port), [requestText({ accept: 'text/plain', id: 'text' })]).read()
  await client.seen('half an ')
  gateway.kill('SIGTERM')
  const [response] = await client.over()
  t.match(response, { status: 200, whole: true })
  t.equal(response?.body.toString(), 'half an answer')
  t.equal(await gateway.ended, 0)
  t.match(gateway.stdout, /"requestId":"text".*"ended":"complete"/)
})

test('a fault of native code ends the process', async t => {
  const gateway = start(t, server, nowhere)
  await gateway.url()
  gateway.kill('SIGSEGV')
  t.equal(await gateway.ended, 'SIGSEGV')
})

test('the package gives the application and the client, with types that need neither Node nor other files', async t => {
  const directory = t.testdir({
    node_modules: { 'copilot-stream-gateway': t.fixture('symlink', root) },
    'page.ts': "import { ChatError, createChatClient, type Answer } from 'copilot-stream-gateway/client'\n" +
      "export const answer: Answer = createChatClient({ baseUrl: '', headers: () => ({ Authorization: 'x' }) }).ask({ prompt: 'Hi' })\n" +
      'export const kind: string = new ChatError(\'network\', \'\').errorType\n'
  })
  const run = (...words: string[]): string => execFileSync(process.execPath, words, { cwd: directory, encoding: 'utf8' })
  t.equal(run('--input-type=module', '-e', "const { createChatClient } = await import('copilot-stream-gateway/client'); console.log(typeof createChatClient, typeof (await import('copilot-stream-gateway')).default)"), 'function function\n')
  for (const [module, resolution] of [['esnext', 'bundler'], ['nodenext', 'nodenext']] as const) {
    t.equal(run(`${root}node_modules/typescript/bin/tsc`, '--noEmit', '--strict', '--ignoreConfig', '--lib', 'es2022,dom', '--target', 'es2022', '--module', module, '--moduleResolution', resolution, 'page.ts'), '')
  }
})

test('a start that fails by a bug says where', async t => {
  const bug = 'data:text/javascript,import http from "node:http";http.Server.prototype.listen=()=>{throw new Error("a bug")}'
  const gateway = start(t, [process.execPath, `--import=${bug}`, ...server.slice(1)], nowhere)
  t.equal(await gateway.ended, 1)
  t.match(gateway.stdout, /"level":60.*"stack":"Error: a bug/)
})
