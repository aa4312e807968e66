import { once } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { type Answer, streamOf } from '../../../lib/answer/answer.ts'
import { CopilotClient, type CopilotClientOptions } from '../../../lib/copilot/client.ts'
import { Failover, type Watch } from '../../../lib/copilot/failover.ts'
import { toCopilotPrompt } from '../../../lib/copilot/prompt.ts'
import type { Call } from '../../../lib/copilot/upstream.ts'
import { GatewayError } from '../../../lib/errors.ts'
import { blackHole } from '../../black-hole.ts'
import { ask, build, json, type Script, streams, upstream, type Upstream } from '../../helper.ts'
import { scrape } from '../../scrape.ts'

const PROMPT = toCopilotPrompt({ prompt: 'Hello', mode: 'explain-only' }, 'caller')
/** Where nothing listens. */
const NOBODY = [1, 2, 3].map(port => `http://127.0.0.1:${port}`)

/** Services behind one Failover, with a clock that stands still until it is moved, and the first of equals for chance. */
interface Several {
  readonly failover: Failover
  /** What nobody but an operator is told. */
  readonly told: readonly string[]
  readonly clock: { now: number }
  /** Chooses among equals: a number from 0 up to but not including 1. */
  readonly chance: { value: number }
  ask (signal?: AbortSignal): Promise<Answer>
  /** Asks, and reads the answer to its end. */
  say (): Promise<string>
  /** Why an answer is none. */
  fail (): Promise<string>
}

function several (t: Test, urls: readonly string[], options: Partial<CopilotClientOptions> = {}): Several {
  const clock = { now: 0 }
  const chance = { value: 0 }
  const clients = urls.map(url => new CopilotClient({
    url,
    token: '',
    proxy: { http: '', https: '', except: '' },
    connectTimeout: 5_000,
    firstByteTimeout: 60_000,
    idleTimeout: 60_000,
    streamRetry: 60_000,
    retryUnsent: false,
    ...options
  }))
  const told: string[] = []
  const watch: Watch = {
    passedOn: ({ errorType, source }) => told.push(`${source?.url} ${errorType}`),
    leftOut: (url, errorType) => told.push(`${url} left out: ${errorType}`),
    back: url => told.push(`${url} back`)
  }
  const failover = new Failover(clients, watch, { now: () => clock.now, random: () => chance.value })
  t.teardown(() => failover.close())
  const ask = async (signal = new AbortController().signal) => await failover.answer(PROMPT, { signal, headers: {} })
  const say = async () => await text(await ask())
  return { failover, told, clock, chance, ask, say, fail: async () => await say().then(said => `said ${said}`, error => error.errorType ?? error.code) }
}

/** What an answer says. */
async function text (answer: Answer): Promise<string> {
  let said = ''
  for await (const chunk of streamOf(answer)) said += chunk.bytes ?? chunk
  return said
}

const CALL: Call = { signal: new AbortController().signal, headers: {} }

async function services (t: Test, ...scripts: Script[]): Promise<{ all: Upstream[], urls: string[], asked: () => number[] }> {
  const all = await Promise.all(scripts.map(script => upstream(t, { '/chat/stream': script })))
  return { all, urls: all.map(({ url }) => url), asked: () => all.map(service => service.asked().length) }
}

const busy = (errorType: string, status = 503): Script => json(status, { error: 'not now', errorType })

test('the service with the fewest answers in flight is asked, and chance decides between equals', async t => {
  const { urls, asked } = await services(t, ...['one', 'two', 'three'].map((): Script => reply => reply.writeHead(200).write('begun')))
  const { failover, chance, ask } = several(t, urls)
  const inFlight = () => failover.services.map(({ inFlight }) => inFlight)
  chance.value = 0.99
  const last = await ask()
  chance.value = 0
  const first = await ask()
  t.strictSame(asked(), [1, 0, 1])
  chance.value = 0.5
  await ask()
  t.strictSame(asked(), [1, 1, 1], 'the one that has none is no matter of chance')
  await ask()
  t.strictSame(asked(), [1, 2, 1])
  t.strictSame(inFlight(), [1, 2, 1])
  for (const answer of [first, last]) {
    streamOf(answer).destroy()
    await once(streamOf(answer), 'close')
  }
  t.strictSame(inFlight(), [0, 2, 0])
})

test('questions that come together spread, those included that wait for their first byte', async t => {
  const { all, urls, asked } = await services(t, () => {}, () => {}, () => {})
  const { ask } = several(t, urls)
  const leave = new AbortController()
  const questions = Array.from({ length: 9 }, async () => await ask(leave.signal).catch(error => error))
  for (const service of all) await service.request(2)
  t.strictSame(asked(), [3, 3, 3])
  leave.abort()
  t.strictSame(await Promise.all(questions), Array(9).fill(leave.signal.reason))
})

const movesOn: Array<[string, Script]> = [
  ['says that it drains', busy('draining')],
  ['says that it has too much to do', busy('overloaded')],
  ['has too many streams', busy('too_many_streams')],
  ['limits the gateway', json(429, { error: 'slow down' })],
  ['limits the gateway, and cannot stream', (reply, { path }) => reply.writeHead(path === '/chat' ? 429 : 404).end()]
]
for (const [name, script] of movesOn) {
  test(`a question goes on when a service ${name}`, async t => {
    const service = await upstream(t, { '/chat/stream': script, '/chat': script })
    const other = await upstream(t, { '/chat/stream': streams('the other') })
    const { say } = several(t, [service.url, other.url])
    t.equal(await say(), 'the other')
    t.equal(other.asked().length, 1)
  })
}

const staysThere: Array<[string, Script, string]> = [
  ['resets after the question was written', reply => reply.socket?.resetAndDestroy(), 'connection'],
  ['closes after the question was written', reply => reply.socket?.end(), 'connection'],
  ['hangs before its headers', () => {}, 'timeout'],
  ['sends headers and no byte', reply => reply.writeHead(200).flushHeaders(), 'timeout'],
  ['breaks off in the middle', reply => reply.writeHead(200).write('half', () => reply.socket?.resetAndDestroy()), 'connection'],
  ['is no HTTP', reply => reply.socket?.end('hello\r\n'), 'bad_reply'],
  ['says 503 and no more', reply => reply.writeHead(503).end(), 'upstream'],
  ['says 503 and something else', busy('sdk'), 'sdk'],
  ['has too much to do, but with another status', busy('overloaded', 500), 'overloaded'],
  ['says 502', reply => reply.writeHead(502).end('Bad Gateway'), 'upstream'],
  ['says 504', reply => reply.writeHead(504).end(), 'upstream'],
  ['reports an error about the question', json(500, { error: 'x', errorType: 'sdk' }), 'sdk'],
  ['finds the question invalid', json(400, { error: 'x' }), 'invalid_request'],
  ['tells by an event that it has too much to do', reply => reply.writeHead(200, { 'content-type': 'text/event-stream' }).end('event: error\ndata: {"status":503,"errorType":"overloaded"}\n\n'), 'overloaded']
]
for (const [name, script, errorType] of staysThere) {
  test(`a question is not asked again when a service ${name}`, async t => {
    const { urls, asked } = await services(t, script, streams('the other'))
    const { fail } = several(t, urls, { firstByteTimeout: 100 })
    t.equal(await fail(), errorType)
    t.strictSame(asked(), [1, 0])
  })
}

test('a question that had an empty stream is not asked elsewhere, whatever becomes of it then', async t => {
  const other = await upstream(t, { '/chat/stream': streams('the other') })
  for (const [script, errorType] of [[busy('draining'), 'overloaded'], [json(200, { output: '' }), 'stream_empty'], [json(404, { error: 'x' }), 'upstream']] as const) {
    const service = await upstream(t, { '/chat/stream': streams(), '/chat': script })
    t.equal(await several(t, [service.url, other.url]).fail(), errorType)
  }
  t.equal(other.asked().length, 0)
})

test('each service is asked at most once, and the last one says why there is no answer', async t => {
  const { urls, asked } = await services(t, busy('draining'), json(429, {}), busy('overloaded'))
  const { fail } = several(t, urls)
  t.equal(await fail(), 'overloaded')
  t.strictSame(asked(), [1, 1, 1])
})

test('a service that nobody can connect to costs nothing, and is left out after three questions', async t => {
  const { urls, asked } = await services(t, streams('the other'))
  const { failover, told, say } = several(t, [NOBODY[0]!, ...urls])
  for (let count = 1; count <= 4; count++) {
    t.equal(await say(), 'the other')
    const [first, other] = failover.services
    t.match([first, other], [{ state: 'down', errorType: 'connection', inFlight: 0 }, { state: 'up', inFlight: 0 }])
  }
  t.strictSame(asked(), [4])
  const passedOn = `${NOBODY[0]} connection`
  t.strictSame(told, [passedOn, passedOn, `${NOBODY[0]} left out: connection`, passedOn])
  t.match(failover.health, { state: 'up' })
})

test('a service that accepts no connection costs the asker its time once, and counts', async t => {
  const hole = await blackHole(t)
  const { urls, asked } = await services(t, streams('the other'))
  const impatient = several(t, [hole, ...urls], { connectTimeout: 100 })
  t.equal(await impatient.say(), 'the other')
  t.match(impatient.failover.services[0], { state: 'down', errorType: 'timeout' })

  const patient = several(t, [hole, ...urls], { connectTimeout: 60_000, firstByteTimeout: 500 })
  t.equal(await patient.say(), 'the other', 'nothing was sent')

  const left = several(t, [hole, ...urls], { connectTimeout: 60_000 })
  const leave = new AbortController()
  const answer = left.ask(leave.signal)
  await setImmediate()
  leave.abort()
  await t.rejects(answer, { name: 'AbortError' })
  t.match(left.failover.services, [{ state: 'unknown', inFlight: 0 }, { state: 'unknown' }], 'of a reader who leaves nobody is to blame')
  t.strictSame(asked(), [2])
})

/** A service that does what it is told next. */
class Moody {
  mood: Script
  readonly script: Script = (reply, request) => this.mood(reply, request)

  constructor (mood: Script) {
    this.mood = mood
  }
}

const reset: Script = reply => reply.socket?.resetAndDestroy()
const counts: Array<[string, Script]> = [
  ['a reset', reset],
  ['a reset in the middle', reply => reply.writeHead(200).write('half', () => setTimeout(() => reply.socket?.resetAndDestroy(), 10))],
  ['no answer in time', () => {}],
  ['silence in the middle', reply => reply.writeHead(200).write('half')],
  ['502', reply => reply.writeHead(502).end()],
  ['503', busy('sdk')],
  ['503 draining', busy('draining')],
  ['504', reply => reply.writeHead(504).end()],
  ['what is no HTTP', reply => reply.socket?.end('hello\r\n')]
]
for (const [name, script] of counts) {
  test(`three in a row leave a service out: ${name}`, async t => {
    const { urls, all, asked } = await services(t, script, streams('the other'))
    const { failover, fail } = several(t, urls, { firstByteTimeout: 150, idleTimeout: 150 })
    for (let count = 0; count < 6; count++) await fail()
    t.strictSame(asked()[0], 3)
    t.match(failover.services, [{ url: all[0]!.url, state: 'down', since: /T/, errorType: /\w/ }, { state: 'up' }])
    t.equal(await fail(), 'said the other')
  })
}

const countsNot: Array<[string, Script]> = [
  ['400', json(400, { error: 'x' })],
  ['404 with words', json(404, { error: 'no such model' })],
  ['429', json(429, {})],
  ['an error of its own', json(500, { error: 'x', errorType: 'sdk' })],
  ['an error of its own in the middle', reply => reply.writeHead(200, { 'content-type': 'text/event-stream' }).end('event: delta\ndata: {"text":"half"}\n\nevent: error\ndata: {"status":500,"errorType":"sdk"}\n\n')]
]
for (const [name, script] of countsNot) {
  test(`a service is asked again and again that says ${name}`, async t => {
    const { urls, asked } = await services(t, script, streams('the other'))
    const { fail } = several(t, urls)
    for (let count = 0; count < 6; count++) await fail()
    t.strictSame(asked()[0], 6)
  })
}

test('what a reader gives up counts for nobody, before the answer and in the middle of it', async t => {
  const waits = new Moody(() => {})
  const { all, urls, asked } = await services(t, waits.script, streams('the other'))
  const { failover, ask } = several(t, urls)
  for (let count = 0; count < 4; count++) {
    const leave = new AbortController()
    const answer = ask(leave.signal).catch(() => {})
    await all[0]!.request(count)
    leave.abort(new GatewayError('timeout'))
    await answer
  }
  waits.mood = reply => reply.writeHead(200).write('half')
  for (let count = 0; count < 4; count++) {
    const leave = new AbortController()
    const answer = streamOf(await ask(leave.signal))
    leave.abort(new GatewayError('max_duration'))
    await new Promise(resolve => answer.once('close', resolve))
  }
  t.strictSame(asked(), [8, 0])
  t.strictSame(failover.services.map(({ inFlight }) => inFlight), [0, 0])
})

test('an answer that is whole ends the row of failures', async t => {
  const service = new Moody(reset)
  const { urls, asked } = await services(t, service.script, streams('the other'))
  const { fail } = several(t, urls)
  for (let round = 0; round < 3; round++) {
    service.mood = reset
    t.strictSame([await fail(), await fail()], ['connection', 'connection'])
    service.mood = streams('well')
    t.equal(await fail(), 'said well')
  }
  t.strictSame(asked(), [9, 0])
})

test('a service that is left out is tried with one question after a second, and after twice as long each time it fails', async t => {
  const service = new Moody(reset)
  const { all, urls, asked } = await services(t, service.script, streams('the other'))
  const { failover, told, clock, ask, fail } = several(t, urls)
  for (let count = 0; count < 3; count++) await fail()
  const { since } = failover.services[0]!
  let seconds = 1
  for (const pause of [1, 2, 4, 8, 16, 32, 60, 60]) {
    t.equal(pause, Math.min(seconds, 60))
    clock.now += pause * 1_000 - 1
    t.equal(await fail(), 'said the other')
    clock.now += 1
    t.equal(await fail(), 'connection')
    t.equal(failover.services[0]!.since, since, 'it is out all the while')
    seconds *= 2
  }
  t.equal(asked()[0], 3 + 8)

  clock.now += 3_600_000
  service.mood = reply => { held.push(reply) }
  const held: Array<Parameters<Script>[0]> = []
  const trial = ask()
  await all[0]!.request(11)
  t.strictSame([await fail(), await fail()], ['said the other', 'said the other'], 'one question tries it, and all others are asked elsewhere')
  service.mood = streams('back')
  held[0]!.writeHead(200).write('back')
  const answer = await trial
  t.match(failover.services[0], { state: 'up', inFlight: 1 }, 'its first byte says that it is back')
  held[0]!.end(' again')
  t.equal(await text(answer), 'back again')
  t.strictSame(told, [`${urls[0]} left out: connection`, `${urls[0]} back`])
  t.equal(await fail(), 'said back')

  service.mood = reset
  for (let count = 0; count < 3; count++) await fail()
  clock.now += 999
  t.equal(await fail(), 'said the other')
  clock.now += 1
  t.equal(await fail(), 'connection', 'the first while is a second again')
})

test('a service that is back and breaks its first answer off is left out at once', async t => {
  const service = new Moody(reset)
  const { urls, asked } = await services(t, service.script, streams('the other'))
  const { clock, fail } = several(t, urls)
  for (let count = 0; count < 3; count++) await fail()
  service.mood = reply => reply.writeHead(200).write('half', () => setTimeout(() => reply.socket?.resetAndDestroy(), 10))
  clock.now += 1_000
  t.equal(await fail(), 'connection')
  clock.now += 1_999
  t.equal(await fail(), 'said the other')
  t.equal(asked()[0], 4)
})

test('a trial that is given up leaves the next question to be one', async t => {
  const service = new Moody(reset)
  const { all, urls } = await services(t, service.script, streams('the other'))
  const { clock, ask, fail } = several(t, urls)
  for (let count = 0; count < 3; count++) await fail()
  service.mood = () => {}
  clock.now += 1_000
  const leave = new AbortController()
  const trial = ask(leave.signal).catch(() => {})
  await all[0]!.request(3)
  leave.abort()
  await trial
  service.mood = json(429, {})
  t.equal(await fail(), 'said the other', 'it answers, if only by a refusal')
  service.mood = streams('back')
  t.equal(await fail(), 'said back')
})

test('of many questions that fail together three count, and what was asked before changes nothing afterwards', async t => {
  const waiting: Array<Parameters<Script>[0]> = []
  const { all, urls } = await services(t, reply => { waiting.push(reply) })
  const { failover, clock, fail } = several(t, [urls[0]!, NOBODY[0]!])
  const answers = Array.from({ length: 20 }, async () => await fail())
  await all[0]!.request(19)
  for (const reply of waiting.slice(0, 19)) reply.socket?.resetAndDestroy()
  t.strictSame(await Promise.all(answers.slice(0, 19)), Array(19).fill('connection'))
  t.match(failover.services[0], { state: 'down', inFlight: 1 })
  waiting[19]!.writeHead(200).end('late')
  t.equal(await answers[19], 'said late')
  t.match(failover.services[0], { state: 'down', inFlight: 0 })

  clock.now += 1_000
  const trial = fail()
  await all[0]!.request(20)
  waiting[20]!.writeHead(200).end('back')
  t.equal(await trial, 'said back')
  t.match(failover.services[0], { state: 'up' })
})

test('when all are left out, the one that was out longest is tried, and all of them before the asker is told', async t => {
  const first = new Moody(reset)
  const second = new Moody(busy('draining'))
  const { urls, asked } = await services(t, first.script, second.script)
  const { failover, clock, chance, fail } = several(t, urls)
  chance.value = 0.99
  for (let count = 0; count < 3; count++) await fail()
  clock.now += 100
  chance.value = 0
  await fail()
  t.strictSame(failover.services.map(({ state }) => state), ['down', 'down'])
  t.match(failover.health, { state: 'down', errorType: /\w/, since: /T/ })
  const before = asked()
  second.mood = streams('back')
  t.strictSame(before, [3 + 1, 3])
  t.equal(await fail(), 'said back')
  t.strictSame(asked(), [4, 4])
})

test('when all are left out, a question does not wait for another one that tries the first of them', async t => {
  const first = new Moody(reset)
  const { all, urls, asked } = await services(t, first.script, reset)
  const { failover, clock, ask, fail } = several(t, urls)
  while (failover.services.some(({ errorType }) => errorType === undefined) || asked().some(count => count < 3)) await fail()
  const [before = 0, others = 0] = asked()
  first.mood = () => {}
  clock.now += 10
  const leave = new AbortController()
  const trial = ask(leave.signal).catch(() => {})
  await all[0]!.request(before)
  t.equal(await fail(), 'connection')
  t.strictSame(asked(), [before + 1, others + 1])
  leave.abort()
  await trial
})

test('each service has a memory of its own that it cannot stream', async t => {
  const cannot = await upstream(t, { '/chat': json(200, { output: 'buffered' }) })
  const can = await upstream(t, { '/chat/stream': streams('streamed') })
  const { chance, ask } = several(t, [cannot.url, can.url])
  const told = []
  for (const value of [0, 0, 0.99, 0]) {
    chance.value = value
    const answer = await ask()
    const { delivery, fallback, service } = answer
    told.push([delivery, fallback, service === cannot.url ? 'cannot' : 'can', await text(answer)])
  }
  t.strictSame(told, [
    ['buffered', 'not_supported', 'cannot', 'buffered'],
    ['buffered', 'remembered', 'cannot', 'buffered'],
    ['stream', undefined, 'can', 'streamed'],
    ['buffered', 'remembered', 'cannot', 'buffered']
  ])
})

test('a slow service is waited for, and the others are asked meanwhile', async t => {
  let late: Parameters<Script>[0] | undefined
  const { all, urls, asked } = await services(t, reply => { late = reply }, streams('the other'))
  const { ask, say } = several(t, urls)
  const answer = ask()
  await all[0]!.request()
  t.strictSame([await say(), await say()], ['the other', 'the other'])
  late?.writeHead(200).end('at last')
  t.equal(await text(await answer), 'at last')
  t.strictSame(asked(), [1, 2])
})

test('models are those of all services that answer, each once', async t => {
  const one = await upstream(t, { '/models': json(200, { models: [{ id: 'a', name: 'A' }, { id: 'b' }] }) })
  const two = await upstream(t, { '/models': json(200, { models: [{ id: 'c' }, { id: 'a', name: 'another A' }] }) })
  const { failover } = several(t, [one.url, NOBODY[0]!, two.url])
  for (let count = 0; count < 4; count++) {
    t.strictSame(await failover.models(CALL), [{ id: 'a', name: 'A' }, { id: 'b' }, { id: 'c' }])
  }
  t.match(failover.services[1], { state: 'down', errorType: 'connection' })
})

test('when no service tells its models, the asker is told why, and again when all are left out', async t => {
  const { urls } = await services(t, streams('well'))
  const { failover, fail } = several(t, NOBODY)
  for (let count = 0; count < 4; count++) t.match(await failover.models(CALL).catch(error => error), { errorType: 'connection', source: { url: NOBODY[0] } })
  t.equal(await fail(), 'connection')
  t.strictSame(await several(t, [urls[0]!, NOBODY[0]!]).failover.models(CALL), [], 'no models are an answer')
  await t.rejects(failover.models({ signal: AbortSignal.abort(), headers: {} }), { name: 'AbortError' })
})

test('the sockets are those of all services', async t => {
  const { urls } = await services(t, reply => reply.writeHead(200).write('begun'), reply => reply.writeHead(200).write('begun'))
  const { failover, ask } = several(t, urls)
  t.match(failover.health, { state: 'unknown' })
  await ask()
  await ask()
  t.match(failover.sockets, { connected: 2, free: 0, running: 2 })
})

test('a gateway of several services tells which one answered, and which one did not', async t => {
  const service = await upstream(t, { '/v1/chat/stream': streams('here'), '/v1/models': json(500, { error: 'x', errorType: 'sdk' }) })
  const [down = ''] = NOBODY
  const secret = 'http://me:s3cret@'
  const { url, log } = await build(t, { COPILOT_SERVICE_URL: `${down.replace('http://', secret)}, ${service.url.replace('http://', secret)}/v1/` })
  const up = `${service.url}/v1`
  let count = 0
  // Chance decides how soon the one that is down has been asked three times.
  for (; count < 200 && !log.lines.some(({ msg }) => msg.includes('left out')); count++) {
    t.equal(await (await ask(url, undefined, { headers: { 'x-request-id': `asked-${count}` } })).text(), 'here')
    t.match(await log.ended(`asked-${count}`), { upstream: up, ended: 'complete' })
  }
  t.match(await log.line(({ msg }) => msg.includes('left out')), { upstream: down, errorType: 'connection', level: 40 })
  t.match(await log.line(({ msg }) => msg.includes('goes on')), { upstream: down, errorType: 'connection', requestId: /^asked-/ })
  t.match(await (await fetch(`${url}/health/ready`)).json(), {
    ready: true,
    upstream: { state: 'up' },
    upstreams: [{ url: down, state: 'down', since: /T/, errorType: 'connection', inFlight: 0 }, { url: up, state: 'up', since: /T/, inFlight: 0 }]
  })
  await (await ask(url, { prompt: 'Hello', resumable: true })).text()
  t.match(await log.line(({ msg }) => msg === 'resumable answer ended'), { upstream: up })
  t.equal((await fetch(`${url}/api/models`)).status, 500)
  t.match(await log.line(({ route }) => route === '/api/models'), { upstream: up, errorType: 'sdk' })

  const { samples, text } = await scrape(url)
  const value = (name: string, labels: Record<string, string>) => samples.find(sample => sample.name === name && Object.entries(labels).every(([label, value]) => sample.labels[label] === value))?.value
  t.equal(value('gateway_answers_total', { upstream: up, ended: 'complete', protocol: 'text', delivery: 'stream' }), count + 1)
  t.ok(Number(value('gateway_upstream_errors_total', { upstream: down, error_type: 'connection' })) >= 3)
  t.equal(value('gateway_upstream_errors_total', { upstream: up, error_type: 'other' }), 1)
  t.equal(value('gateway_upstream_up', { upstream: down }), 0)
  t.equal(value('gateway_upstream_up', { upstream: up }), 1)
  t.notMatch(text + JSON.stringify(log.lines), 's3cret')
})

test('a question that no service answers is told by the last one that was asked', async t => {
  const { url, log } = await build(t, { COPILOT_SERVICE_URL: NOBODY.join() })
  t.equal((await ask(url)).status, 503)
  t.match(await log.ended(), { upstream: /^http:\/\/127\.0\.0\.1:[123]$/, errorType: 'connection', ended: 'upstream_failed' })
})

test('each service is asked with the token that was renewed', async t => {
  const { all, urls } = await services(t, streams('one'), streams('two'))
  const { failover, chance, say } = several(t, urls, { token: 'old' })
  failover.renewToken('new')
  await say()
  chance.value = 0.99
  await say()
  for (const service of all) t.equal((await service.request()).headers.authorization, 'Bearer new')
})

test('a gateway of several services says in the log that one is back', async t => {
  const sick = await upstream(t, { '/chat/stream': json(503, { error: 'x', errorType: 'draining' }) })
  const well = await upstream(t, { '/chat/stream': streams('here') })
  const { url, log } = await build(t, { COPILOT_SERVICE_URL: `${sick.url},${well.url}`, RATE_LIMIT_MAX: '0' })
  const askUntil = async (message: string) => {
    while (!log.lines.some(({ msg }) => msg.includes(message))) t.equal(await (await ask(url)).text(), 'here')
  }
  await askUntil('is left out')
  sick.scripts['/chat/stream'] = streams('here')
  await askUntil('is back')
  t.match(await log.line(({ msg }) => msg.includes('is back')), { upstream: sick.url, level: 30 })
})
