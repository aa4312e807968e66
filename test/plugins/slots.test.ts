import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { setImmediate } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { ask, type Gateway, json, pair, rawAsk, type Script, streams, type Upstream } from '../helper.ts'
import { redisServer } from '../redis.ts'

/** A gateway whose upstream begins answers and leaves their ends to the test. */
async function answering (t: Test, environment: Record<string, string> = {}): Promise<Gateway & { service: Upstream, replies: ServerResponse[] }> {
  const replies: ServerResponse[] = []
  const setUp = await pair(t, { '/chat/stream': reply => { replies.push(reply.writeHead(200).on('error', () => {})); reply.write('half ') } }, environment)
  return { ...setUp, replies }
}

/** Waits until as many slots are taken; a test that never gets there times out. */
async function taken ({ app }: Gateway, count: number): Promise<void> {
  while (app.slots.taken !== count) await setImmediate()
}

const resumable = { prompt: 'Hi', resumable: true }

test('a caller may have ten answers at once, and the next is refused before the upstream is asked', async t => {
  const gateway = await answering(t)
  const { url, service, replies, log } = gateway
  const open = []
  for (let index = 0; index < 10; index++) open.push(await ask(url))
  t.equal(gateway.app.slots.taken, 10)

  const refused = await ask(url, undefined, { headers: { 'x-request-id': 'the-11th' } })
  t.equal(refused.status, 429)
  t.match(Object.fromEntries(refused.headers), { 'x-error-type': 'too_many_streams', 'retry-after': '5' })
  t.equal(await refused.text(), 'Error: Too many answers at once: 10 may be open')
  t.match(await log.ended('the-11th'), { ended: 'complete', status: 429, errorType: 'too_many_streams', level: 30 })
  t.match(await (await ask(url, undefined, { headers: { accept: 'text/event-stream' } })).json(), { errorType: 'too_many_streams' })
  t.equal(service.requests.length, 10)

  replies[0]?.end('whole')
  t.equal(await open[0]?.text(), 'half whole')
  await taken(gateway, 9)
  t.equal((await ask(url)).status, 200)
})

test('gateways that share a Redis share the limit of a caller, and each has its own MAX_STREAMS', async t => {
  const redis = await redisServer(t)
  if (!redis) return
  const shared = { REDIS_URL: redis.url, MAX_STREAMS: '2', MAX_STREAMS_PER_CALLER: '2', AUTH_MODE: 'api-key', API_KEYS: 'ann:a,bob:b' }
  const [one, two] = [await answering(t, shared), await answering(t, shared)]
  const by = async (key: string, { url }: Gateway): Promise<Response> => await ask(url, undefined, { headers: { 'x-api-key': key } })
  const [here] = [await by('a', one), await by('a', two)]
  for (const gateway of [one, two]) {
    const refused = await by('a', gateway)
    t.equal(refused.headers.get('x-error-type'), 'too_many_streams')
    t.equal(await refused.text(), 'Error: Too many answers at once: 2 may be open')
    t.equal((await by('b', gateway)).status, 200)
    t.equal((await by('b', gateway)).headers.get('x-error-type'), 'overloaded')
  }

  one.replies[0]?.end('whole')
  t.equal(await here?.text(), 'half whole')
  await taken(one, 1)
  two.replies[1]?.end()
  await taken(two, 1)
  t.equal((await by('a', two)).status, 200, 'what was given back on one gateway is there on the other')
})

test('everybody together may have MAX_STREAMS answers at once, whoever they are', async t => {
  const { url, service } = await answering(t, { MAX_STREAMS: '3', AUTH_MODE: 'api-key', API_KEYS: 'ann:a,bob:b', MAX_STREAMS_PER_CALLER: '2' })
  const by = async (key: string): Promise<Response> => await ask(url, undefined, { headers: { 'x-api-key': key } })
  t.strictSame([(await by('a')).status, (await by('a')).status, (await by('a')).status], [200, 200, 429])
  t.equal((await by('b')).status, 200, 'others have their own count')
  const refused = await by('b')
  t.equal(refused.status, 503)
  t.match(Object.fromEntries(refused.headers), { 'x-error-type': 'overloaded', 'retry-after': '5' })
  t.equal(await refused.text(), 'Error: The gateway has too much to do: as many answers are open as it can carry')
  t.equal(service.requests.length, 3)
})

test('without authentication a caller is an address: that of the client, where the proxy is trusted', async t => {
  const trusting = await answering(t, { MAX_STREAMS_PER_CALLER: '1', AUTH_MODE: 'none', TRUST_PROXY: 'loopback' })
  const from = async (address: string, { url }: Gateway = trusting): Promise<number> => (await ask(url, undefined, { headers: { 'x-forwarded-for': address } })).status
  t.strictSame([await from('192.0.2.1'), await from('192.0.2.1'), await from('192.0.2.2')], [200, 429, 200])
  t.strictSame([await from('2001:db8::1'), await from('2001:db8::2'), await from('2001:db8:0:1::1')], [200, 429, 200], 'of IPv6, its /64')

  const doubting = await answering(t, { MAX_STREAMS_PER_CALLER: '1' })
  t.strictSame([await from('192.0.2.1', doubting), await from('192.0.2.2', doubting)], [200, 429])
})

test('what is refused for what it says takes no slot', async t => {
  const gateway = await answering(t, { MAX_STREAMS: '1' })
  const [open, invalid] = [await ask(gateway.url), await ask(gateway.url, { prompt: '' })]
  t.strictSame([open.status, invalid.status], [200, 400])
  t.equal(gateway.app.slots.taken, 1)
})

test('a resumable answer keeps its slot while it goes on without its reader', async t => {
  const gateway = await answering(t)
  const leaving = new AbortController()
  await ask(gateway.url, resumable, { signal: leaving.signal, headers: { 'x-request-id': 'lost' } })
  leaving.abort()
  await gateway.log.ended('lost')
  for (let turn = 0; turn < 5; turn++) await setImmediate()
  t.equal(gateway.app.slots.taken, 1)
  gateway.replies[0]?.end()
  await taken(gateway, 0)
})

test('a resumable answer keeps its slot until its first reply is over, too', async t => {
  const gateway = await answering(t)
  const { port, log, replies, service } = gateway
  // On one connection, the second reply waits for the end of the first.
  const socket = await rawAsk(port)
  await once(socket, 'readable')
  const body = JSON.stringify(resumable)
  socket.write(`POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
  await service.request(1)
  while (replies.length < 2) await setImmediate()
  replies[1]?.end()
  await log.line(({ msg }) => msg === 'resumable answer ended')
  for (let turn = 0; turn < 5; turn++) await setImmediate()
  t.equal(gateway.app.slots.taken, 2)
  socket.destroy()
  await taken(gateway, 0)
})

test('who loses all readers can come back to all answers, but not twice as often', async t => {
  const gateway = await answering(t, { MAX_STREAMS_PER_CALLER: '3', RATE_LIMIT_MAX: '0' })
  const { url, replies } = gateway
  const open = [await ask(url, resumable), await ask(url, resumable), await ask(url, resumable)]
  const read = async (which: Response | undefined): Promise<Response> => await fetch(`${url}/api/chat/${which?.headers.get('x-stream-id')}`)
  const again = [await read(open[0]), await read(open[1]), await read(open[2])]
  t.strictSame(again.map(({ status }) => status), [200, 200, 200])
  const refused = await read(open[0])
  t.equal(refused.status, 429)
  t.equal(refused.headers.get('x-error-type'), 'too_many_streams')
  t.equal(gateway.app.slots.taken, 3, 'a reading is no answer')

  for (const reply of replies) reply.end('whole')
  for (const response of again) t.equal(await response.text(), 'half whole')
  await taken(gateway, 0)
  // The slot of a reading is given back a moment after its reader has read the end.
  for (;;) {
    const { status } = await read(open[0])
    if (status === 200) break
  }
  t.equal((await fetch(`${url}/api/chat/nothing`)).status, 404)
})

const ends: Array<[how: string, script: Script, body?: object, environment?: Record<string, string>]> = [
  ['an answer that is whole', streams('whole')],
  ['an error of the service', json(500, {})],
  ['an empty answer', streams()],
  ['an answer that is cut', reply => { reply.writeHead(200).write('half', () => reply.destroy()) }],
  ['an answer that takes too long', reply => { reply.writeHead(200).write('half') }, {}, { STREAM_MAX_MS: '50' }],
  ['a resumable answer that is whole', streams('whole'), resumable],
  ['a resumable answer for which there is no room', streams('whole'), resumable, { RESUME_MAX_BYTES: '0' }]
]
for (const [how, script, body, environment] of ends) {
  test(`${how} gives its slot back`, async t => {
    const gateway = await pair(t, { '/chat/stream': script, '/chat': json(500, {}) }, { MAX_STREAMS: '1', ...environment })
    for (let time = 0; time < 3; time++) {
      const response = await ask(gateway.url, { prompt: 'Hi', ...body })
      t.not(response.headers.get('x-error-type'), 'too_many_streams')
      await response.text().catch(() => {})
      await taken(gateway, 0)
    }
  })
}

test('a bug gives the slot back', async t => {
  const gateway = await pair(t, {})
  gateway.app.copilot.answer = () => { throw new TypeError('a bug') }
  t.equal((await ask(gateway.url)).status, 500)
  await taken(gateway, 0)
})
