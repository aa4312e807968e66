import { test } from 'tap'
import { type ChatEvent, createChatClient } from '../../client/index.ts'
import { json, pair, streams } from '../helper.ts'
import { proxy } from './proxy.ts'
import { pieces, Statuses } from './reading.ts'

test('an answer comes piece by piece, and whole', async t => {
  const { url, service } = await pair(t, { '/chat/stream': streams('Grüße ', 'aus ', 'Köln 🌍') })
  const statuses = new Statuses()
  const events: ChatEvent[] = []
  const opened: Array<string | undefined> = []
  const question = { prompt: 'Hi', mode: 'project-helper', model: 'm', sessionId: 's', messages: [{ role: 'user', content: 'Hello' }] } as const
  const answer = createChatClient({ baseUrl: `${url}/` }).ask(question, {
    onStatus: statuses.onStatus,
    onEvent: event => events.push(event),
    onOpen: ({ requestId, streamId }) => opened.push(requestId, streamId)
  })
  t.match(answer, { status: 'waiting', partial: '', bytes: 0, delivery: undefined, error: undefined })

  t.strictSame(await pieces(answer), ['Grüße ', 'aus ', 'Köln 🌍'])
  t.equal(await answer.text, 'Grüße aus Köln 🌍')
  t.match(answer, { status: 'done', partial: 'Grüße aus Köln 🌍', bytes: 22, delivery: 'stream', requestId: /./, streamId: undefined })
  t.strictSame(statuses.all, ['streaming', 'done'])
  t.match(events.map(({ event }) => event), ['start', 'delta', 'delta', 'delta', 'done'])
  t.match(events[1], { id: '8', data: { text: 'Grüße ' } })
  t.strictSame(opened, [answer.requestId, undefined])
  t.match((await service.request()).json, { mode: 'project-helper', model: 'm', prompt: /Session ID: s[^]*User: Hello[^]*User \(latest\): Hi/ })
  t.strictSame(await pieces(answer), ['Grüße ', 'aus ', 'Köln 🌍'], 'it can be read once more')
  await answer.stop()
  t.equal(answer.status, 'done', 'what is over cannot be stopped')
})

test('a piece is there when it is written, to several who read', async t => {
  let go: (() => void) | undefined
  const { url } = await pair(t, { '/chat/stream': reply => { go = () => reply.end('two'); reply.writeHead(200).write('one ') } })
  const answer = createChatClient({ baseUrl: url }).ask({ prompt: 'Hi' })
  const first = answer[Symbol.asyncIterator]()
  t.strictSame(await first.next(), { done: false, value: 'one ' })
  t.equal(answer.status, 'streaming')
  const second = pieces(answer)
  go?.()
  t.strictSame(await first.next(), { done: false, value: 'two' })
  t.strictSame(await first.next(), { done: true, value: undefined })
  t.strictSame(await second, ['one ', 'two'])
})

test('who leaves the loop leaves the answer going', async t => {
  const { url } = await pair(t, { '/chat/stream': streams('one ', 'two') })
  const answer = createChatClient({ baseUrl: url }).ask({ prompt: 'Hi' })
  const loop = answer[Symbol.asyncIterator]()
  t.strictSame(await loop.next(), { done: false, value: 'one ' })
  await loop.return?.()
  t.equal(await answer.text, 'one two')
})

test('a network that delivers every byte alone changes nothing', async t => {
  const euro = Buffer.from('€')
  const { port } = await pair(t, { '/chat/stream': streams('ä\r\n', euro.subarray(0, 1), euro.subarray(1), '🌍\n\ndata: x') })
  const { url } = await proxy(t, port, true)
  t.equal(await createChatClient({ baseUrl: url }).ask({ prompt: 'Hi' }).text, 'ä\r\n€🌍\n\ndata: x')
})

test('a buffered answer says so', async t => {
  const { url } = await pair(t, { '/chat': json(200, { output: 'whole' }) })
  const answer = createChatClient({ baseUrl: url }).ask({ prompt: 'Hi' })
  t.equal(await answer.text, 'whole')
  t.equal(answer.delivery, 'buffered')
})

test('an answer read to its end is a whole answer in the gateway\'s log', async t => {
  const { url, log } = await pair(t, { '/chat/stream': streams('x') })
  const answer = createChatClient({ baseUrl: url }).ask({ prompt: 'Hi' })
  await answer.text
  t.match(await log.ended(answer.requestId), { ended: 'complete' })
})

test('headers are asked for with every request, and may take their time', async t => {
  const { url } = await pair(t, { '/chat/stream': streams('x'), '/models': json(200, { models: [{ id: 'm', name: 'M' }] }) }, { AUTH_MODE: 'api-key', API_KEYS: 'ann:ann-key' })
  let asked = 0
  const client = createChatClient({
    baseUrl: url,
    headers: async () => {
      asked++
      return { 'X-API-Key': 'ann-key' }
    }
  })
  t.equal(await client.ask({ prompt: 'Hi' }).text, 'x')
  t.strictSame(await client.models({ signal: new AbortController().signal }), [{ id: 'm', name: 'M' }])
  t.equal(asked, 2)
})

test('another fetch can be given', async t => {
  const { url } = await pair(t, { '/chat/stream': streams('x') })
  const urls: unknown[] = []
  const client = createChatClient({
    baseUrl: url,
    fetch: async (input, init) => {
      urls.push(input)
      return await fetch(input, init)
    }
  })
  t.equal(await client.ask({ prompt: 'Hi' }).text, 'x')
  t.strictSame(urls, [`${url}/api/chat`])
})
