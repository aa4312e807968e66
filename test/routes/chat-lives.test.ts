import { connect, type Socket } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import { test } from 'tap'
import { closeOf, type Gateway, json, pair, type Script, streams } from '../helper.ts'

const RUNS = 8
const LIVES = 75
const CALLERS = ['ann', 'bob', 'eve', 'joe']

/** What the service does with a prompt. */
const services: Record<string, Script> = {
  whole: streams('one ', 'two'),
  error: json(500, { error: 'broken', errorType: 'sdk' }),
  limits: json(429, { error: 'slow down' }),
  empty: streams(),
  cut: reply => { reply.writeHead(200).write('half', () => reply.destroy()) },
  silent: () => {},
  open: reply => { reply.writeHead(200).write('half') }
}

/** The life of a connection: who asks for what, what the service does, what the client does, and after how many turns of the event loop. */
const life = fc.record({
  caller: fc.constantFrom(...CALLERS),
  service: fc.constantFrom(...Object.keys(services)),
  client: fc.constantFrom('reads', 'leaves', 'stops', 'comes back'),
  accept: fc.constantFrom('text/plain', 'text/event-stream'),
  resumable: fc.boolean(),
  pipelined: fc.boolean(),
  turns: fc.nat(40)
})
type Life = typeof life extends fc.Arbitrary<infer T> ? T : never

/** Writes the request, once or twice, and does with the reply what the client of this life does. */
async function live ({ port }: Gateway, { caller, service, client, accept, resumable, pipelined, turns }: Life): Promise<void> {
  const headers = (more: string): string => `Host: localhost\r\nX-API-Key: ${caller}\r\nAccept: ${accept}\r\n${more}\r\n`
  const body = JSON.stringify({ prompt: service, resumable })
  const question = (more = ''): string => `POST /api/chat HTTP/1.1\r\n${headers(`${more}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n`)}${body}`
  const about = (id: string, method: string): string => `${method} /api/chat/${id} HTTP/1.1\r\n${headers('Connection: close\r\n')}`

  const { socket, text, headersOrEnd } = open(port, (pipelined ? question() : '') + question('Connection: close\r\n'))
  if (client !== 'reads') {
    if (client !== 'leaves') await headersOrEnd()
    for (let turn = 0; turn < turns; turn++) await setImmediate()
    const id = /^x-stream-id: (\S+)/im.exec(text())?.[1] ?? 'unknown'
    if (client !== 'stops') socket.destroy()
    if (client !== 'leaves') await closeOf(open(port, about(id, client === 'stops' ? 'DELETE' : 'GET')).socket)
  }
  await closeOf(socket)
}

function open (port: number, request: string): { socket: Socket, text: () => string, headersOrEnd: () => Promise<void> } {
  let text = ''
  const socket = connect(port, '127.0.0.1').setEncoding('latin1').on('data', chunk => { text += chunk }).on('error', () => {})
  socket.write(request)
  return {
    socket,
    text: () => text,
    async headersOrEnd () {
      while (!socket.closed && !text.includes('\r\n\r\n')) await setImmediate()
    }
  }
}

test(`after each of ${RUNS} crowds of ${LIVES} connections with random ends, and after the drain, no slot is taken`, async t => {
  const gateway = await pair(t, {
    '/chat/stream': (reply, request) => services[String(request.json.prompt)]?.(reply, request),
    '/chat': json(200, { output: '' })
  }, {
    AUTH_MODE: 'api-key',
    API_KEYS: CALLERS.map(name => `${name}:${name}`).join(','),
    RATE_LIMIT_MAX: '0',
    MAX_STREAMS: '15',
    MAX_STREAMS_PER_CALLER: '8',
    COPILOT_FIRST_BYTE_TIMEOUT_MS: '150',
    STREAM_MAX_MS: '200',
    SSE_HEARTBEAT_MS: '20',
    RESUME_GRACE_MS: '20'
  })
  const { app, log } = gateway
  await fc.assert(fc.asyncProperty(fc.array(life, { minLength: LIVES, maxLength: LIVES }), async lives => {
    await Promise.all(lives.map(async life => await live(gateway, life)))
    // A count that does not come back has the test time out.
    while (app.slots.taken > 0) await setImmediate()
  }), { seed: 26, numRuns: RUNS, endOnFailure: true })

  const ends = new Set(log.lines.map(({ ended, errorType }) => `${ended} ${errorType}`))
  t.comment([...ends].join(', '))
  // How many meet a limit, or a stop in time, is for the machine to say: these come on every one.
  for (const end of [
    'complete undefined', 'client_left undefined', 'upstream_failed sdk', 'upstream_failed rate_limited', 'upstream_failed stream_empty', 'upstream_failed connection', 'timeout timeout'
  ]) t.ok(ends.has(end), end)

  const last = fc.sample(life, LIVES).map(async life => await live(gateway, life))
  while (app.slots.taken === 0) await setImmediate()
  await app.close().catch(() => {})
  await Promise.all(last)
  t.equal(app.slots.taken, 0)
})
