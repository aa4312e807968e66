import type { ServerResponse } from 'node:http'
import { test } from 'tap'
import { ask, json, pair, streams } from '../helper.ts'
import { parse } from '../lib/protocols/telling.ts'

const text = (text: string) => ({ type: 'text', text })
const message = (role: string, ...parts: unknown[]) => ({ id: 'x', role, parts })
/** What `useChat` sends. */
const chat = (...messages: unknown[]) => ({ id: 'chat-1', messages, trigger: 'submit-message' })
const hello = chat(message('user', text('Hello')))

test('a chat of useChat is answered as its message stream', async t => {
  const { url, service, log } = await pair(t, { '/chat/stream': streams('Hi', ' there') })
  const response = await ask(url, { ...hello, model: 'm' }, { headers: { 'x-request-id': 'r1' } })
  t.match(Object.fromEntries(response.headers), { 'content-type': 'text/event-stream; charset=utf-8', 'x-vercel-ai-ui-message-stream': 'v1', 'x-copilot-delivery': 'stream' })
  const told = parse(await response.text()).map(({ data }) => data)
  t.match(told[0], { type: 'start', messageId: 'r1' })
  t.match(told.at(-2), { type: 'finish', finishReason: 'stop' })
  t.equal(told.at(-1), '[DONE]')
  t.match(service.asked()[0]?.json, { prompt: 'Hello', model: 'm' })
  t.match(await log.ended('r1'), { ended: 'complete', route: '/api/chat' })
})

test('the conversation, its name and its instructions are asked with it', async t => {
  const { url, service } = await pair(t, { '/chat/stream': streams('x') })
  await ask(url, chat(
    message('system', text('Be brief.')), message('user', text('One')), message('assistant', { type: 'step-start' }, { type: 'reasoning', text: 'Hm.' }, text('Eins')),
    message('assistant'), message('user', text('T'), text('wo'))
  ))
  t.equal(service.asked()[0]?.json.prompt, [
    'Be brief.', 'Session ID: chat-1', 'Continue the conversation below and answer the latest user message.', 'User: One', 'Assistant: Eins', 'User (latest): Two'
  ].join('\n\n'))
})

for (const [accept, type] of [['text/plain', 'text/plain'], ['text/plain;charset=utf-8, */*;q=0.1', 'text/plain'], ['*/*', 'text/event-stream'], ['application/json', 'text/event-stream'], ['text/event-stream', 'text/event-stream']] as const) {
  test(`Accept: ${accept} gets ${type}`, async t => {
    const { url } = await pair(t, { '/chat/stream': streams('Hi') })
    const response = await ask(url, hello, { headers: { accept } })
    t.match(response.headers.get('content-type'), type)
    t.equal(response.headers.get('x-vercel-ai-ui-message-stream'), type === 'text/plain' ? null : 'v1')
    const body = await response.text()
    if (type === 'text/plain') t.equal(body, 'Hi')
  })
}

const refused: Array<[string, unknown, RegExp]> = [
  ['a file', chat(message('user', text('x'), { type: 'file', url: 'data:,x', mediaType: 'text/plain' })), /messages\.0\.parts\.1: files/],
  ['a file in an earlier answer', chat(message('user', text('x')), message('assistant', { type: 'file' }), message('user', text('y'))), /messages\.1\.parts\.0: files/],
  ['an image', chat(message('user', text('x'), { type: 'image', image: 'x' })), /messages\.0\.parts\.1: parts of type image/],
  ['a part of a kind that cannot be written', chat(message('user', text('x'), { type: '<b>' })), /messages\.0\.parts\.1: parts of type other than text/],
  ['a latest question without a word', chat(message('user', text('x')), message('user', text(' '))), /messages: the latest/],
  ['a part without a text', chat(message('user', { type: 'text' })), /messages\.0\.parts\.0/],
  ['a part that is none', chat(message('user', 5)), /messages\.0\.parts\.0/],
  ['an unknown role', chat(message('tool', text('x'))), /messages\.0\.role/],
  ['parts that are no list', chat({ role: 'user', parts: 'x' }), /messages\.0\.parts/],
  ['a message that is none', chat(null, message('user', text('x'))), /messages\.0\.parts/],
  ['a chat without a question', chat(message('user', text('x')), message('assistant', text('y'))), /messages: the latest/],
  ['a question that is too long', chat(message('user', text('x'.repeat(20_001)))), /prompt: /],
  ['a chat without messages', chat(), /messages: the latest/],
  ['a chat without messages and without a trigger', { id: 'chat-1', messages: [] }, /messages: the latest/],
  ['a chat whose only message has no parts', chat({ role: 'assistant', content: 'x' }), /messages: the latest/],
  ['a name that is too long', { ...hello, id: 'x'.repeat(201) }, /request: id: must have 1 to 200 characters$/],
  ['a blank name', { ...hello, id: ' ' }, /request: id: must have 1 to 200 characters$/]
]
for (const [name, body, words] of refused) {
  test(`${name} is refused in words that can be shown`, async t => {
    const { url, service } = await pair(t, { '/chat/stream': streams('x') })
    for (const accept of ['*/*', 'text/plain']) {
      const response = await ask(url, body, { headers: { accept } })
      t.equal(response.status, 400)
      t.match(response.headers.get('content-type'), 'text/plain')
      t.match(await response.text(), words)
    }
    t.equal(service.requests.length, 0)
  })
}

test('what an answer had beside its text, known or not, is no part of the conversation, and neither is the data of a page', async t => {
  const { url, service } = await pair(t, { '/chat/stream': streams('x') })
  const beside = [{ type: 'tool-x', toolCallId: '1' }, { type: 'source-url', url: 'x' }, { type: 'of-tomorrow' }]
  t.equal((await ask(url, chat(message('user', text('One'), { type: 'data-x', data: {} }), message('assistant', ...beside, text('Eins')), message('user', { type: 'step-start' }, text('Two'))))).status, 200)
  t.match(service.asked()[0]?.json.prompt, /User: One\n\nAssistant: Eins\n\nUser \(latest\): Two$/)
})

test('what useObject sends is refused in words that say what is wanted', async t => {
  const { url } = await pair(t, { '/chat/stream': streams('x') })
  for (const [body, path, words] of [['a topic', '', 'must be object'], [{ topic: 'x' }, 'prompt', 'is required'], [{ prompt: { topic: 'x' } }, 'prompt', 'must be string'], [{ messages: [{ role: 'user', content: 'x' }] }, 'prompt', 'is required']] as const) {
    const response = await ask(url, body)
    t.equal(response.status, 400)
    t.match(await response.json(), { error: 'Invalid request', issues: [{ path, message: words }] })
  }
})

test('messages with and without parts go together; a name that is none is left out', async t => {
  const { url, service } = await pair(t, { '/chat/stream': streams('x') })
  t.equal((await ask(url, { id: 5, messages: [{ role: 'user', content: 'One' }, message('user', text('Two'))] })).status, 200)
  t.match(service.asked()[0]?.json.prompt, /User: One\n\nUser \(latest\): Two$/)
})

test('a refusal of the service is its words alone', async t => {
  const { url } = await pair(t, { '/chat/stream': json(429, { error: 'slow down' }, { 'retry-after': '7' }) })
  const response = await ask(url, hello)
  t.equal(response.status, 429)
  t.equal(response.headers.get('retry-after'), '7')
  t.equal(await response.text(), 'Copilot is rate limiting: slow down')
})

test('a resumable answer is told as the same message', async t => {
  const { url } = await pair(t, { '/chat/stream': streams('Hi') })
  const response = await ask(url, { ...hello, resumable: true })
  t.match(parse(await response.text())[0]?.data, { messageId: response.headers.get('x-stream-id') })
})

test('a running answer is read again by the id of its chat, as the same message, and goes on', async t => {
  let reply: ServerResponse | undefined
  const { url, log } = await pair(t, { '/chat/stream': begun => { reply = begun; begun.writeHead(200, { 'content-type': 'text/plain' }).write('Hel') } })
  const get = async (id: string, headers: Record<string, string> = {}): Promise<Response> => await fetch(`${url}/api/chat/${encodeURIComponent(id)}/stream`, { headers })
  t.equal((await get('chat-1')).status, 204, 'none was asked for')
  const first = await ask(url, { ...hello, resumable: true })
  const again = await get('chat-1', { 'x-request-id': 'r' })
  t.match(Object.fromEntries(again.headers), { 'x-vercel-ai-ui-message-stream': 'v1', 'x-stream-id': first.headers.get('x-stream-id') })
  const plain = await get(' chat-1 ', { accept: 'text/plain' })
  t.equal((await get('chat-2')).status, 204)
  t.equal((await fetch(`${url}/api/chat/chat-1/stream`, { method: 'HEAD' })).status, 404)
  reply?.end('lo')
  const told = parse(await first.text()).map(({ data }) => data)
  t.match(told[0], { messageId: first.headers.get('x-stream-id') })
  const replayed = parse(await again.text()).map(({ data }) => data)
  t.strictSame([replayed[0], replayed.at(-2), replayed.at(-1)], [told[0], told.at(-2), told.at(-1)])
  t.match(await log.ended('r'), { ended: 'complete', route: '/api/chat/:chatId/stream' })
  t.equal(await plain.text(), 'Hello')
  t.equal((await get('chat-1')).status, 204, 'it is over')
})

test('of several in a chat the latest is read and stopped, by its caller alone, whatever the chat is called', async t => {
  const { url, service } = await pair(t, { '/chat/stream': (reply, { json }) => { reply.writeHead(200, { 'content-type': 'text/plain' }).write(String(json.prompt)) } }, { AUTH_MODE: 'api-key', API_KEYS: 'ann:ann-key,bob:bob-key' })
  const call = async (id: string, method = 'GET', key = 'ann-key'): Promise<Response> => await fetch(`${url}/api/chat/${encodeURIComponent(id)}/stream`, { method, headers: { 'x-api-key': key, 'content-type': 'application/json' } })
  for (const id of ['a/b c', '🌍'.repeat(200), 'stream', 'chat-1']) {
    const asked = async (prompt: string): Promise<Response> => await ask(url, { ...chat(message('user', text(prompt))), id, resumable: true }, { headers: { 'x-api-key': 'ann-key' } })
    const [first, second] = [await asked('one'), await asked('two')]
    t.equal((await call(id, 'GET', 'bob-key')).status, 204)
    t.equal((await call(id, 'DELETE', 'bob-key')).status, 204)
    t.equal((await call(id, 'DELETE')).status, 204)
    t.strictSame(parse(await second.text()).map(({ data }) => data).slice(-2), [{ type: 'abort' }, '[DONE]'])
    const running = await call(id)
    t.equal(running.headers.get('x-stream-id'), first.headers.get('x-stream-id'))
    t.equal((await call(id, 'DELETE')).status, 204)
    t.match(parse(await running.text()).map(({ data }) => data).slice(-2), [{ type: 'abort' }, '[DONE]'])
    await first.text()
    t.equal((await call(id)).status, 204)
    t.equal((await call(id, 'DELETE')).status, 204, 'once more is no mistake')
  }
  t.equal(service.asked().length, 8)
  t.equal((await fetch(`${url}/api/chat/x/stream`)).status, 401)
})

test('a chat that is left before the first byte goes on for who comes back', async t => {
  let reply: ServerResponse | undefined
  const { url, service, log } = await pair(t, { '/chat/stream': asked => { reply = asked } })
  const leaving = new AbortController()
  const left = ask(url, { ...hello, resumable: true }, { signal: leaving.signal }).catch(() => 'left')
  await service.request()
  leaving.abort()
  t.equal(await left, 'left')
  await log.ended()
  reply?.write('Hi')
  const again = await fetch(`${url}/api/chat/chat-1/stream`)
  reply?.end()
  t.match(parse(await again.text()).at(-2), { data: { type: 'finish' } })
})

test('the answer to a plain question is found by its session, too', async t => {
  const { url } = await pair(t, { '/chat/stream': reply => { reply.writeHead(200, { 'content-type': 'text/plain' }).write('x') } })
  const first = await ask(url, { prompt: 'Hello', sessionId: ' s ', resumable: true })
  t.equal((await fetch(`${url}/api/chat/s/stream`, { method: 'DELETE' })).status, 204)
  await t.rejects(first.text(), 'stopped')
  t.equal((await fetch(`${url}/api/chat/${'x'.repeat(401)}/stream`)).status, 414)
  t.equal((await fetch(`${url}/api/chat/${'x'.repeat(101)}`)).status, 414)
})
