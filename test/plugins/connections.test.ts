import { once } from 'node:events'
import { Agent, get as httpGet, type IncomingMessage, request as httpRequest, type ServerResponse } from 'node:http'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import tap, { test, type Test } from 'tap'
import { modelServer } from '../copilot/model-server.ts'
import { freePort } from '../ports.ts'
import { type GatewayProcess, startIn } from '../entry/process.ts'
import { ask, type Script, streams, upstream } from '../helper.ts'

// Processes of their own, on a machine that may have other work.
tap.setTimeout(180_000)

const root = fileURLToPath(new URL('../../', import.meta.url))

/** Takes all descriptors that are left but `FREE` at one signal, and gives them back at the next. */
const HOARD = `import { openSync, closeSync } from 'node:fs'
const held = []
process.on('SIGUSR2', () => {
  if (held.length) {
    while (held.length) closeSync(held.pop())
    console.log('given back')
  }
  else try { for (;;) held.push(openSync('/dev/null')) } catch {
    for (let free = Number(process.env.FREE); free > 0; free--) closeSync(held.pop())
    console.log('hoarded')
  }
})`

/** Gives \`localhost\` two addresses: on some machines it is one only. Node asks for one, and Fastify for all. */
const TWO_ADDRESSES = `import dns from 'node:dns'
const { lookup } = dns
dns.lookup = (host, ...more) => {
  const [done] = more.slice(-1)
  if (host !== 'localhost') lookup(host, ...more)
  else if (more[0].all) done(null, ['127.0.0.1', '127.0.0.2'].map(address => ({ address, family: 4 })))
  else done(null, '127.0.0.1', 4)
}`

const preload = (module: string) => ['--import', `data:text/javascript,${encodeURIComponent(module)}`]

/** A gateway from source in a process that may have 256 descriptors, which is what its modules take to be read; what it covers counts. */
async function gatewayWithFew (t: Test, env: Record<string, string>): Promise<GatewayProcess & { origin: string }> {
  const gateway = startIn(t, root, [
    // In a group of its own, so that a signal to the whole group is no end of the test.
    'env', `NODE_OPTIONS=${process.env.NODE_OPTIONS ?? ''}`, 'sh', '-c', 'ulimit -n 256; exec setsid "$0" "$@"', process.execPath,
    ...process.execArgv, ...preload(HOARD), ...preload(TWO_ADDRESSES), 'server.ts'
  ], { RATE_LIMIT_MAX: '0', MAX_STREAMS_PER_CALLER: '500', FREE: '0', ...env })
  return Object.assign(gateway, { origin: await gateway.url() })
}

/** Opens connections that send nothing. */
function silent (t: Test, origin: string, count: number): Socket[] {
  const sockets = Array.from({ length: count }, () => connect(Number(new URL(origin).port), '127.0.0.1').on('error', () => {}))
  t.teardown(() => { for (const socket of sockets) socket.destroy() })
  return sockets
}

/** A script that waits with the second half of an answer. */
function halves () {
  const replies: ServerResponse[] = []
  return {
    script: (reply: ServerResponse) => { replies.push(reply.writeHead(200, { 'content-type': 'text/plain' })) && reply.write('half ') },
    end: () => { for (const reply of replies) reply.end('whole') }
  }
}

/** Asks on one connection, which is there already after the first time. */
function keptConnection (t: Test, origin: string) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.teardown(() => agent.destroy())
  return async (path: string, body?: string): Promise<{ status: number | undefined, headers: IncomingMessage['headers'], body: string }> => {
    const request = body === undefined
      ? httpGet(`${origin}${path}`, { agent })
      : httpRequest(`${origin}${path}`, { agent, method: 'POST', headers: { 'content-type': 'application/json' } }).end(body)
    const [response] = await once(request, 'response')
    return { status: response.statusCode, headers: response.headers, body: await text(response) }
  }
}

async function logged (gateway: GatewayProcess, pattern: RegExp): Promise<void> {
  while (!pattern.test(gateway.stdout)) await once(gateway, 'output')
}

test('connections that send nothing cost nobody else anything, however many they are', async t => {
  const { script, end } = halves()
  const service = await upstream(t, { '/chat/stream': script })
  const gateway = await gatewayWithFew(t, { COPILOT_SERVICE_URL: service.url })
  const inFlight = await Promise.all(Array.from({ length: 10 }, () => ask(gateway.origin)))

  const closed = silent(t, gateway.origin, 400).map(socket => once(socket.resume(), 'close'))
  // The oldest are closed for the newest.
  await Promise.race(closed)
  t.equal((await fetch(`${gateway.origin}/health`)).status, 200)
  t.match(await (await fetch(`${gateway.origin}/metrics`)).text(), /^process_open_fds \d+$/m)
  const newcomer = await ask(gateway.origin)
  t.equal(newcomer.status, 200)

  end()
  for (const response of [...inFlight, newcomer]) t.equal(await response.text(), 'half whole')
  gateway.kill('SIGTERM')
  t.equal(await gateway.ended, 0)
  t.match(gateway.stdout, /there are fewer descriptors .* than MAX_STREAMS needs/)
})

test('connections to the companion that send nothing cost the gateway nothing, and are closed', async t => {
  const gateway = await gatewayWithFew(t, { COPILOT_ENGINE: 'demo', DEMO_PAGE: 'off' })
  const companion = /"url":"(http:[^"]+)"/.exec(gateway.stdout)?.[1] ?? ''
  const sockets = silent(t, companion, 300)
  // Those beyond its share are refused at once, and the others soon.
  await Promise.all(sockets.map(async socket => { if (!socket.resume().closed) await once(socket, 'close') }))
  t.equal((await fetch(`${gateway.origin}/health/live`)).status, 200)
  t.equal((await ask(gateway.origin)).status, 200)
  const more = silent(t, companion, 300)
  await Promise.race(more.map(async socket => await once(socket.resume(), 'close')))
  for (let i = 0; i < 5; i++) t.equal((await fetch(`${gateway.origin}/health/live`)).status, 200, 'also while they wait')
})

test('when every connection waits for an answer, on whatever address, newcomers are refused, and the answers are whole', async t => {
  const { script, end } = halves()
  const service = await upstream(t, { '/chat/stream': script })
  const gateway = await gatewayWithFew(t, { COPILOT_SERVICE_URL: service.url, HOST: 'localhost' })
  const addresses = ['127.0.0.1', '127.0.0.2'].map(host => gateway.origin.replace(/127\.0\.0\.\d/, host))

  const outcomes = await Promise.all(Array.from({ length: 130 }, async (_, index) => {
    try {
      return await ask(addresses[index % 2] ?? '')
    } catch {
      return undefined
    }
  }))
  // Beyond those that fit, connections are closed for each other as they come.
  const answers = outcomes.filter(response => response?.status === 200)
  const refused = outcomes.filter(response => response?.status === 503)
  t.equal(answers.length, 78, 'three quarters of the connections that descriptors are enough for')
  t.ok(refused.length > 0, 'some are told so')
  for (const response of refused) t.equal(response?.headers.get('x-error-type'), 'overloaded')

  // Whoever is still writing a request is not idle: beyond them, nobody gets in.
  const writing: Socket[] = []
  for (let refused = 0; refused < 2;) {
    const socket = connect(Number(new URL(gateway.origin).port), `127.0.0.${1 + writing.length % 2}`).on('error', () => {})
    writing.push(socket)
    socket.write('POST /api/chat HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n')
    refused += await new Promise<number>(resolve => socket.once('data', () => resolve(0)).once('close', () => resolve(1)))
  }
  await logged(gateway, /connections are refused/)
  for (const socket of writing) socket.destroy()

  end()
  for (const response of answers) t.equal(await response?.text(), 'half whole')
  gateway.kill('SIGTERM')
  t.equal(await gateway.ended, 0)
})

test('a process without a descriptor left goes on with what it has, refuses the rest, and recovers', async t => {
  const { script, end } = halves()
  let answer: Script = script
  const service = await upstream(t, { '/chat/stream': (reply, request) => answer(reply, request) })
  const metricsPort = await freePort()
  // A service that is found by its name, a collector of traces, a second listener: each of them wants descriptors.
  const gateway = await gatewayWithFew(t, {
    COPILOT_SERVICE_URL: service.url.replace('127.0.0.1', 'localhost'), METRICS_PORT: String(metricsPort), OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', OTEL_BSP_SCHEDULE_DELAY: '200'
  })
  const { origin } = gateway
  const onKept = keptConnection(t, origin)
  const metrics = keptConnection(t, `http://127.0.0.1:${metricsPort}`)
  t.equal((await onKept('/health')).status, 200)
  t.equal((await metrics('/metrics')).status, 200)
  const inFlight = await ask(origin)

  gateway.kill('SIGUSR2')
  await logged(gateway, /hoarded/)
  const chat = await onKept('/api/chat', '{"prompt":"Hello"}')
  t.match(chat, { status: 503, headers: { 'x-error-type': 'overloaded' } })
  t.not((await onKept('/docs/static/swagger-ui-bundle.js')).status, 200, 'a file that cannot be opened')
  t.equal((await metrics('/metrics')).status, 200)
  t.equal((await onKept('/health')).status, 200)
  for (const port of [Number(new URL(origin).port), metricsPort]) {
    const stranger = connect(port, '127.0.0.1').on('error', () => {})
    t.teardown(() => stranger.destroy())
    stranger.resume()
  }
  await logged(gateway, /spans were lost/)
  // Longer than whatever looks at intervals of seconds.
  const [health] = await Promise.all([onKept('/health'), once(service.server, 'never', { signal: AbortSignal.timeout(3_000) }).catch(() => {})])
  t.equal(health.status, 200)
  t.equal((await onKept('/health')).status, 200)

  gateway.kill('SIGUSR2')
  end()
  t.equal(await inFlight.text(), 'half whole')
  answer = streams('again')
  // When the descriptors are free again is for the process to say; until then it refuses newcomers.
  let recovered: Response | undefined
  while (!recovered?.ok) recovered = await ask(origin).catch(() => undefined)
  t.equal(await recovered.text(), 'again')
  gateway.kill('SIGTERM')
  t.equal(await gateway.ended, 0)
})

test('a runtime of the Copilot SDK that cannot be spawned ends nothing but the question, and is there when there are descriptors again', async t => {
  const model = await modelServer(t)
  // Enough for the connection to the companion, and not for the pipes of a process.
  const gateway = await gatewayWithFew(t, { COPILOT_SERVICE_URL: '', COPILOT_ENGINE: 'sdk', COPILOT_PROVIDER_BASE_URL: model.url, COPILOT_MODEL: 'test-model', FREE: '6' })
  const onKept = keptConnection(t, gateway.origin)
  t.equal((await onKept('/health')).status, 200)
  gateway.kill('SIGUSR2')
  await logged(gateway, /hoarded/)
  t.match(await onKept('/api/chat', '{"prompt":"Hello"}'), { status: 500, headers: { 'x-error-type': 'spawn' }, body: /could not be spawned; are there file descriptors left/ })
  t.equal((await onKept('/health')).status, 200)

  gateway.kill('SIGUSR2')
  await logged(gateway, /given back/)
  const [answer] = await Promise.all([onKept('/api/chat', '{"prompt":"Hello"}'), model.next().then(call => {
    call.say('again')
    call.end()
  })])
  t.match(answer, { status: 200, body: 'again' })
  gateway.kill('SIGTERM')
  t.equal(await gateway.ended, 0)
})
