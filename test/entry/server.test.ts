import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import tap, { test } from 'tap'
import pkg from '../../package.json' with { type: 'json' }
import { requestText, WireClient } from '../faults/client.ts'
import { type Script, upstream } from '../helper.ts'
import { NODE, start } from './process.ts'

// A dozen processes, on a machine that may have other things to do.
tap.setTimeout(180_000)

const root = fileURLToPath(new URL('../../', import.meta.url))
const entry = `${root}server.ts`
// A page that is not built is worth a line of the log, and beside the source there is none.
const nowhere = { COPILOT_SERVICE_URL: 'http://127.0.0.1:9', DEMO_PAGE: 'off' }

/** The command that runs server.ts from source by the loaders of this process, and modules before it; what it covers counts. */
function server (...modules: readonly string[]): string[] {
  return [...NODE, ...modules.map(module => `--import=${module}`), entry]
}

test('a start that fails says why in one line of the log', async t => {
  const gateway = start(t, server(), { ...nowhere, PORT: 'abc' })
  t.equal(await gateway.ended, 1)
  t.match(JSON.parse(gateway.stdout), { level: 60, msg: 'PORT must be integer (0 to 65535), not "abc"' })
  t.equal(gateway.stderr, '')
})

test('under fastify start it does so, too, with its options and without', async t => {
  for (const options of [['-o'], []]) {
    for (const [dotEnv, why] of [['PORT=3000\nno setting', '.env cannot be read: line 2 is no setting, which is NAME=value'], ['MAX_STREAMS=many', 'MAX_STREAMS must be integer (at least 1), not "many"']]) {
      const gateway = start(t, [...NODE, `${root}node_modules/fastify-cli/cli.js`, 'start', ...options, `${root}app.ts`], nowhere, { '.env': String(dotEnv) })
      t.equal(await gateway.ended, 1)
      t.match(JSON.parse(gateway.stdout), { level: 60, msg: why })
      t.equal(gateway.stderr, '')
    }
  }
})

test('a port that is taken is said so, too', async t => {
  const service = await upstream(t, {})
  const gateway = start(t, server(), { ...nowhere, PORT: new URL(service.url).port })
  t.equal(await gateway.ended, 1)
  t.match(JSON.parse(gateway.stdout.trim().split('\n').at(-1) ?? ''), { level: 60, msg: /EADDRINUSE.*127\.0\.0\.1:\d+: another process listens there; choose another port by PORT or --port$/ })
})

test('the first line of the log says what starts, before it listens, and warnings about settings follow', async t => {
  const gateway = start(t, server(), { ...nowhere, COPILOT_SERVICE_URL: 'http://me:s3cret@127.0.0.1:9/base', AUTH_MOD: 'jwt', TRUST_PROXY: '1' })
  await gateway.url()
  const [first, ...more] = gateway.stdout.trim().split('\n').map(line => JSON.parse(line))
  t.match(first, {
    level: 30,
    msg: /^copilot-stream-gateway \d+\.\d+\.\d+ starts$/,
    version: pkg.version,
    node: process.version,
    auth: 'this machine',
    services: ['http://127.0.0.1:9/base'],
    limits: { MAX_STREAMS: 1000, MAX_STREAMS_PER_CALLER: 10, RATE_LIMIT_MAX: 60, RATE_LIMIT_WINDOW_MS: 60_000 },
    store: 'memory',
    host: '127.0.0.1',
    port: 0
  })
  t.match(more.slice(0, 2), [{ level: 40, msg: /^TRUST_PROXY is a hop count/ }, { level: 40, msg: 'AUTH_MOD is no setting: AUTH_MODE is meant, perhaps' }])
  t.notMatch(gateway.stdout, 's3cret')
})

test('a .env that cannot be read as settings stops the start with one line', async t => {
  for (const [file, why] of [[{}, /^\.env cannot be read: it is a directory/], [Buffer.from('\ufeffAUTH_MODE=jwt\n', 'utf16le'), /UTF-16/], ['AUTH_MODE: jwt\n', /line 1 is no setting/]] as const) {
    const gateway = start(t, server(), nowhere, { '.env': file })
    t.equal(await gateway.ended, 1)
    t.match(JSON.parse(gateway.stdout), { level: 60, msg: why })
    t.equal(gateway.stderr, '')
  }
})

test('.env in the working directory counts, and the environment counts more', async t => {
  const gateway = start(t, server(), nowhere, { '.env': 'HOST=127.0.0.2\nCOPILOT_SERVICE_URL=nonsense\n' })
  t.match(await gateway.url(), /^http:\/\/127\.0\.0\.2:\d+$/)
})

test('an error that nobody caught closes the gateway with code 1 and is in the log', async t => {
  const crash = 'data:text/javascript,process.on("SIGUSR2",()=>{throw new Error("nobody caught me")})'
  const gateway = start(t, server(crash), nowhere)
  await gateway.url()
  gateway.kill('SIGUSR2')
  t.equal(await gateway.ended, 1)
  t.match(gateway.stdout, /nobody caught me.*"msg":"the process cannot go on"/)
})

const begins: Script = reply => reply.writeHead(200, { 'content-type': 'text/plain' }).write('half an ')

test('SIGTERM mid-stream cuts what outlasts the drain, and ends the process with code 1', async t => {
  const service = await upstream(t, { '/chat/stream': begins })
  const gateway = start(t, server(), { COPILOT_SERVICE_URL: service.url, DRAIN_TIMEOUT_MS: '50' })
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
  const gateway = start(t, server(), { COPILOT_SERVICE_URL: service.url })
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
  const gateway = start(t, server(), nowhere)
  await gateway.url()
  gateway.kill('SIGSEGV')
  t.equal(await gateway.ended, 'SIGSEGV')
})

test('a start that fails by a bug says where', async t => {
  const bug = 'data:text/javascript,import http from "node:http";http.Server.prototype.listen=()=>{throw new Error("a bug")}'
  const gateway = start(t, server(bug), nowhere)
  t.equal(await gateway.ended, 1)
  t.match(gateway.stdout, /"level":60.*"stack":"Error: a bug/)
})
