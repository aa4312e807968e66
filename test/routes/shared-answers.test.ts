import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { type Test, test } from 'tap'
import { NODE, start } from '../entry/process.ts'
import { ask, build, events, type Gateway, json, upstream, type Upstream } from '../helper.ts'
import { redisServer, type RedisServer } from '../redis.ts'

/** Gateways that share a Redis, in front of one service whose answers a test writes. */
interface Shared { readonly redis: RedisServer, readonly service: Upstream, readonly one: Gateway, readonly other: Gateway, readonly replies: ServerResponse[], reply (index?: number): Promise<ServerResponse> }

async function shared (t: Test, environment: Record<string, string> = {}): Promise<Shared | undefined> {
  const redis = await redisServer(t)
  if (!redis) return undefined
  const replies: ServerResponse[] = []
  const service = await upstream(t, {
    '/chat/stream': reply => {
      replies.push(reply.writeHead(200, { 'content-type': 'text/plain' }).on('error', () => {}))
      reply.write('one ')
      service.emit('reply')
    }
  })
  const env = { COPILOT_SERVICE_URL: service.url, REDIS_URL: redis.url, SSE_HEARTBEAT_MS: '50', ...environment }
  return {
    redis,
    service,
    replies,
    one: await build(t, env),
    other: await build(t, env),
    async reply (index = 0) {
      for (;;) {
        const reply = replies[index]
        if (reply) return reply
        await once(service, 'reply')
      }
    }
  }
}

const resumable = { prompt: 'Hi', resumable: true }
const inEvents = { accept: 'text/event-stream' }
const get = async ({ url }: Gateway, id: string | null, path = '', headers: Record<string, string> = {}): Promise<Response> => await fetch(`${url}/api/chat/${id}${path}`, { headers })
const textOf = (told: Awaited<ReturnType<typeof events>>): string => told.map(({ data }) => data.text ?? '').join('')

/** Waits for the first piece of an answer. */
async function begun (response: Response): Promise<{ rest: () => Promise<string> }> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  let text = (await reader?.read())?.value ?? ''
  return {
    async rest () {
      for (;;) {
        const read = await reader?.read()
        if (!read || read.done) return text
        text += read.value
      }
    }
  }
}

test('any gateway reads an answer of its caller while it is written, and after', async t => {
  const gateways = await shared(t)
  if (!gateways) return
  const { one, other, reply } = gateways
  const asked = await ask(one.url, resumable)
  const id = asked.headers.get('x-stream-id')
  const reading = await begun(await get(other, id, '?offset=2', inEvents))
  ;(await reply()).end('two')
  t.equal(await asked.text(), 'one two')
  const told = await reading.rest()
  t.match(told, /"text":"e "[^]*"text":"two"[^]*event: done/)
  t.equal(await (await get(other, id)).text(), 'one two')
  const whole = await events(await get(other, id, '', inEvents))
  t.equal(textOf(whole), 'one two')
  t.match(whole.at(-1), { event: 'done', id: '7.end', data: { bytes: 7 } })
  t.equal((await get(other, id, '', { ...inEvents, 'last-event-id': '7.end' })).status, 204, 'whoever has read the end gets none again')
  t.equal((await get(other, 'A'.repeat(22))).status, 404)
})

test('an EventSource that was told of an end by another gateway reads on what is still written', async t => {
  const gateways = await shared(t)
  if (!gateways) return
  const { one, other, reply } = gateways
  const asked = await ask(one.url, resumable)
  const reading = await get(other, asked.headers.get('x-stream-id'), '', { ...inEvents, 'last-event-id': '4.end' })
  t.equal(reading.status, 200)
  ;(await reply()).end('two')
  t.equal(textOf(await events(reading)), 'two')
  await asked.text()
})

test('any gateway stops an answer, and the model with it', async t => {
  const gateways = await shared(t)
  if (!gateways) return
  const { one, other, reply } = gateways
  const asked = await ask(one.url, resumable, { headers: inEvents })
  const closed = once(await reply(), 'close')
  t.equal((await fetch(`${other.url}/api/chat/${asked.headers.get('x-stream-id')}`, { method: 'DELETE' })).status, 204)
  await closed
  t.match((await events(asked)).at(-1), { event: 'done', data: { reason: 'stopped' } })
})

test('a question with a key is asked once, at whichever gateway', async t => {
  const gateways = await shared(t)
  if (!gateways) return
  const { one, other, service, reply } = gateways
  const once = { headers: { 'idempotency-key': 'k' } }
  const both = [ask(one.url, { prompt: 'Hi' }, once), ask(other.url, { prompt: 'Hi' }, once)]
  ;(await reply()).end('two')
  const answers = await Promise.all(both)
  t.strictSame(await Promise.all(answers.map(async answer => await answer.text())), ['one two', 'one two'])
  t.strictSame(answers.map(({ headers }) => headers.get('idempotent-replayed')).sort(), [null, 'true'])
  t.equal((await ask(other.url, { prompt: 'Another' }, once)).status, 422)
  t.equal(service.asked().length, 1)
})

test('a chat is found, and stopped, at any gateway', async t => {
  const gateways = await shared(t)
  if (!gateways) return
  const { one, other, reply } = gateways
  const asked = await ask(one.url, { ...resumable, sessionId: 'c' })
  const found = await get(other, 'c', '/stream')
  t.equal(found.headers.get('x-vercel-ai-ui-message-stream'), 'v1')
  const closed = once(await reply(), 'close')
  t.equal((await fetch(`${other.url}/api/chat/c/stream`, { method: 'DELETE' })).status, 204)
  await closed
  t.match(await found.text(), /"type":"abort"/)
  await asked.text().catch(() => {})
  t.equal((await get(other, 'c', '/stream')).status, 204)
})

test('a gateway that is killed leaves what it had recorded, and the word that it is gone', async t => {
  const gateways = await shared(t)
  if (!gateways) return
  const { redis, service, other } = gateways
  const doomed = start(t, [...NODE, new URL('../../server.ts', import.meta.url).pathname], { COPILOT_SERVICE_URL: service.url, REDIS_URL: redis.url })
  const asked = await ask(await doomed.url(), resumable)
  const id = asked.headers.get('x-stream-id')
  const [text, told] = [await begun(await get(other, id)), await begun(await get(other, id, '', inEvents))]
  doomed.kill('SIGKILL')
  await t.rejects(asked.text())
  await t.rejects(text.rest(), 'a reader of text is cut')
  t.match(await told.rest(), /"text":"one "[^]*event: error[^]*"errorType":"producer_lost"/)
  const late = await events(await get(other, id, '', inEvents))
  t.equal(textOf(late), 'one ')
  t.match(late.at(-1), { event: 'error', data: { errorType: 'producer_lost', status: 503, retryable: true } })
  const ahead = await get(other, id, '?offset=99')
  t.equal(ahead.headers.get('x-error-type'), 'producer_lost', 'even to a reader who was told more than was recorded')
})

test('a gateway that shuts down sends its readers elsewhere, where they are told of an answer that it had to cut', async t => {
  const gateways = await shared(t)
  if (!gateways) return
  const { one, other } = gateways
  const asked = await ask(one.url, resumable, { headers: inEvents })
  const id = asked.headers.get('x-stream-id')
  const reading = await begun(await get(other, id, '', inEvents))
  await one.app.close().catch(() => {})
  t.match(await asked.text(), /event: reconnect/)
  for (const told of [await reading.rest(), await (await get(other, id, '', inEvents)).text()]) t.match(told, /"text":"one "[^]*event: error[^]*"errorType":"producer_lost"/)
})

test('without Redis answers are given and not kept, and what was to be counted once is refused', async t => {
  const gateways = await shared(t)
  if (!gateways) return
  const { redis, one, other, service, reply } = gateways
  const asked = await ask(one.url, resumable, { headers: inEvents })
  const id = asked.headers.get('x-stream-id')
  const [text, told] = [await begun(await get(other, id)), await begun(await get(other, id, '', inEvents))]
  await redis.stop()
  await t.rejects(text.rest())
  t.match(await told.rest(), /event: reconnect/, 'who reads elsewhere is sent back')
  await Promise.all([one, other].map(async ({ log }) => await log.line(({ msg }) => msg.startsWith('Redis is lost'))))

  const plain = await ask(other.url, resumable)
  t.strictSame([plain.status, plain.headers.get('x-resumable'), plain.headers.get('x-stream-id')], [200, 'no', null])
  ;(await reply(1)).end('kept by nobody')
  t.equal(await plain.text(), 'one kept by nobody')
  const keyed = await ask(other.url, { prompt: 'Hi' }, { headers: { 'idempotency-key': 'k', accept: 'application/json' } })
  t.strictSame([keyed.status, keyed.headers.get('x-error-type')], [503, 'store_unavailable'])
  t.equal((await get(other, id)).status, 503)
  t.equal((await fetch(`${other.url}/health/ready`)).status, 200)
  t.equal(service.asked().length, 2)

  ;(await reply()).end('two')
  t.equal(textOf(await events(asked)), 'one two', 'who reads where it is written reads on')
  await one.log.line(({ msg }) => msg === 'resumable answer is kept no longer: Redis is lost')

  await redis.start()
  await Promise.all([one, other].map(async ({ log }) => await log.line(({ msg }) => msg === 'Redis is back')))
  const again = await ask(one.url, resumable)
  ;(await reply(2)).end('two')
  t.equal(await again.text(), 'one two')
  t.equal(await (await get(other, again.headers.get('x-stream-id'))).text(), 'one two', 'all by itself')
  t.equal((await get(other, id)).status, 404)
})

test('what is refused for other reasons than the store is refused', async t => {
  const gateways = await shared(t, { RESUME_MAX_BYTES: '0' })
  if (!gateways) return
  const refused = await ask(gateways.one.url, resumable)
  t.equal(refused.headers.get('x-error-type'), 'overloaded')
  gateways.service.scripts['/chat/stream'] = json(429, {})
  t.equal((await ask(gateways.one.url)).status, 429)
})
