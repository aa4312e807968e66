import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { test } from 'tap'
import { ask, events, json, pair, type Script, streams } from '../helper.ts'
import { raw } from '../raw.ts'

const sse = { accept: 'text/event-stream' }
const callers = { AUTH_MODE: 'api-key', API_KEYS: 'ann:ann-key,bob:bob-key', RATE_LIMIT_MAX: '0' }
const hello = { prompt: 'Hello' }
const completion = { messages: [{ role: 'user', content: 'Hello' }] }
const chat = { id: 'c', messages: [{ id: '1', role: 'user', parts: [{ type: 'text', text: 'Hello' }] }] }

/** Asks with a key. */
const keyed = async (url: string, key: string, body: unknown = hello, headers: Record<string, string> = {}, signal?: AbortSignal): Promise<Response> =>
  await ask(url, body, { headers: { 'x-api-key': 'ann-key', 'idempotency-key': key, ...headers }, ...(signal && { signal }) })
const complete = async (url: string, key: string, body: object = completion): Promise<Response> =>
  await fetch(`${url}/v1/chat/completions`, { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json', 'x-api-key': 'ann-key', 'idempotency-key': key } })
const replayed = ({ headers }: Response): string | null => headers.get('idempotent-replayed')
/** A completion without the second in which it was told. */
const timeless = (body: string): string => body.replaceAll(/"created":\d+/g, '')
/** What is told of an answer as text, cut or not. */
async function textOf (response: Response): Promise<string> {
  let text = ''
  try {
    for await (const chunk of response.body ?? []) text += Buffer.from(chunk).toString()
    return text
  } catch {
    return `${text} cut`
  }
}
/** A service that begins to answer, and leaves the rest to the test. */
function open (): { script: Script, begun: () => Promise<ServerResponse> } {
  const replies: ServerResponse[] = []
  let told: (() => void) | undefined
  return {
    script: reply => {
      reply.writeHead(200, { 'content-type': 'text/plain' }).write('half ')
      replies.push(reply)
      told?.()
    },
    begun: async () => {
      while (replies.length === 0) await new Promise<void>(resolve => { told = resolve })
      return replies.shift() as ServerResponse
    }
  }
}

test('a question with a key is asked once, and told to each reader in its own way, running or over', async t => {
  const { script, begun } = open()
  const { url, service, log, app } = await pair(t, { '/chat/stream': script }, callers)
  const first = await keyed(url, 'k', hello, { 'x-request-id': 'first' })
  t.equal(replayed(first), null)
  t.match(first.headers.get('x-stream-id'), /^[\w-]{22}$/)
  const running = await keyed(url, 'k', { prompt: ' Hello ', mode: 'explain-only' }, { ...sse, 'x-request-id': 'second', origin: 'http://localhost:5173' })
  t.equal(replayed(running), 'true')
  t.match(running.headers.get('access-control-expose-headers'), 'Idempotent-Replayed')
  t.equal(running.headers.get('x-stream-id'), first.headers.get('x-stream-id'))
  ;(await begun()).end('whole')
  t.equal(await first.text(), 'half whole')
  t.match((await events(running)).map(({ event }) => event), ['start', 'delta', 'delta', 'done'])
  t.equal(await (await keyed(url, 'k')).text(), 'half whole', 'after its end')
  t.equal(service.asked().length, 1)

  t.match(await log.ended('first'), { replayed: undefined, ended: 'complete' })
  t.match(await log.ended('second'), { replayed: true, ended: 'complete' })
  t.equal(log.lines.filter(({ msg }) => msg === 'resumable answer ended').length, 1)
  t.match(await app.metrics.text(), `gateway_answers_total{delivery="stream",protocol="text",ended="complete",upstream="${service.url}"} 1\n`)
  t.match(await app.metrics.text(), `gateway_answers_total{delivery="stream",protocol="events",ended="complete",upstream="${service.url}"} 0\n`)
})

test('in every protocol', async t => {
  const { url, service } = await pair(t, { '/chat/stream': streams('Hello') }, callers)
  const asked = async (...responses: Response[]): Promise<string[]> => {
    const [first, again] = await Promise.all(responses.map(async response => await response.text()))
    t.strictSame(responses.map(replayed), [null, 'true'])
    return [first ?? '', again ?? '']
  }
  const [stream = '', streamAgain = ''] = await asked(await complete(url, 'stream', { ...completion, stream: true }), await complete(url, 'stream', { stream: true, ...completion }))
  t.match(stream, /"content":"Hello"[^]*\[DONE\]/)
  t.equal(timeless(streamAgain), timeless(stream))
  const [whole = '', wholeAgain = ''] = await asked(await complete(url, 'whole'), await complete(url, 'whole'))
  t.match(JSON.parse(whole), { choices: [{ message: { content: 'Hello' } }] })
  t.equal(timeless(wholeAgain), timeless(whole))
  const [ui, uiAgain] = await asked(await keyed(url, 'ui', chat), await keyed(url, 'ui', chat))
  t.equal(uiAgain, ui)
  t.equal(service.asked().length, 3)
})

test('a key is that of one question, and of one caller', async t => {
  const { url, service } = await pair(t, { '/chat/stream': streams('Hi') }, callers)
  await (await keyed(url, 'k', { ...hello, sessionId: 's' })).text()
  for (const body of [hello, { prompt: 'Other', sessionId: 's' }, { ...hello, sessionId: 's', model: 'm' }, { ...hello, sessionId: 's', messages: [{ role: 'user', content: 'x' }] }]) {
    const response = await keyed(url, 'k', body)
    t.equal(response.status, 422)
    t.equal(response.headers.get('x-error-type'), 'idempotency_mismatch')
    t.equal(replayed(response), null)
    t.equal(await response.text(), 'Error: This Idempotency-Key belongs to another question')
  }
  const other = await complete(url, 'k')
  t.equal(other.status, 422)
  t.equal(other.headers.get('x-should-retry'), null)
  t.match(await other.json(), { error: { type: 'invalid_request_error', code: 'idempotency_mismatch' } })
  t.equal((await keyed(url, 'k', { ...chat, id: 's' })).status, 422)
  t.equal(service.asked().length, 1)
  t.equal(replayed(await keyed(url, 'k', { ...hello, sessionId: 's' }, { 'x-api-key': 'bob-key' })), null)
  t.equal(service.asked().length, 2)
  const deep = `{"prompt":"Hello","x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`
  t.equal((await fetch(`${url}/api/chat`, { method: 'POST', body: deep, headers: { 'content-type': 'application/json', 'x-api-key': 'ann-key', 'idempotency-key': 'deep' } })).status, 200)
})

test('what makes no difference to the service, nor to the form of the reply, makes no other question', async t => {
  const { url, service } = await pair(t, { '/chat/stream': streams('Hi') }, callers)
  const turns = { ...hello, messages: [{ role: 'assistant', content: 'Hm.' }] }
  const user = { role: 'user', content: 'Hello' }
  const same: Array<[string, Array<[string, object]>]> = [
    ['/api/chat', [['k', turns], ['k', { ...turns, x: { y: [[], {}, null, 1] } }], ['k', { ...turns, resumable: false }], ['k', { ...turns, resumable: true, mode: 'explain-only', prompt: ' Hello\n' }],
      ['k', { ...turns, messages: [{ role: 'user', content: ' ' }, { ...turns.messages[0], id: 'm' }, user] }]]],
    ['/api/chat', [['ui', chat], ['ui', { ...chat, trigger: 'submit-message', messages: [{ role: 'assistant', parts: [] }, ...chat.messages.map(message => ({ ...message, id: '2' }))] }]]],
    ['/v1/chat/completions', [['v1', completion], ['v1', { ...completion, stream: false, tools: null, n: 1, user: 'me', stream_options: { include_usage: true } }], ['v1', { model: ' ', messages: [{ role: 'user', content: [{ type: 'text', text: ' Hello ' }] }] }]]]
  ]
  for (const [path, bodies] of same) {
    for (const [index, [key, body]] of bodies.entries()) {
      const response = await fetch(`${url}${path}`, { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json', 'x-api-key': 'ann-key', 'idempotency-key': key } })
      t.strictSame([response.status, replayed(response)], [200, index === 0 ? null : 'true'], JSON.stringify(body))
    }
  }
  t.equal(service.asked().length, 3)
  for (const body of [{ stream: true }, { model: 'm' }, { temperature: 0.5 }, { reasoning_effort: 'low' }, { messages: [{ role: 'system', content: 'Be brief.' }, user] }]) t.equal((await complete(url, 'v1', { ...completion, ...body })).status, 422, JSON.stringify(body))
  await (await complete(url, 'usage', { ...completion, stream: true })).text()
  t.equal((await complete(url, 'usage', { ...completion, stream: true, stream_options: { include_usage: true } })).status, 422)
})

test('instructions of a chat make it another question', async t => {
  const { url } = await pair(t, { '/chat/stream': streams('Hi') }, callers)
  const system = (text: string) => ({ ...chat, messages: [{ role: 'system', parts: [{ type: 'text', text }] }, ...chat.messages] })
  t.equal((await keyed(url, 'k', system('Be brief.'))).status, 200)
  const response = await keyed(url, 'k', system('Be long.'))
  t.equal(response.status, 422)
  t.equal(await response.text(), 'This Idempotency-Key belongs to another question')
})

/** A question with a key as it goes over the wire. */
function wire (more: string): string {
  const body = JSON.stringify(hello)
  return `POST /api/chat HTTP/1.1\r\nHost: localhost\r\n${more}Content-Type: application/json\r\nIdempotency-Key: k\r\nContent-Length: ${body.length}\r\n\r\n${body}`
}

test('asked twice on one connection, and left', async t => {
  const { script } = open()
  const { port, log, service } = await pair(t, { '/chat/stream': script }, { RESUME_GRACE_MS: '1000' })
  const socket = connect(port, '127.0.0.1')
  socket.write(wire('X-Request-Id: first\r\n') + wire('X-Request-Id: second\r\n'))
  await once(socket, 'data')
  socket.destroy()
  for (const id of ['first', 'second']) t.match(await log.ended(id), { ended: 'client_left' })
  t.equal(service.asked().length, 1)
})

test('asked twice on one connection, without room for the answer, its first reader gets all of it', async t => {
  const text = 'x'.repeat(800_000)
  const { port, service } = await pair(t, {
    '/chat/stream': async reply => {
      reply.writeHead(200, { 'content-type': 'text/plain' })
      for (let at = 0; at < text.length; at += 20_000) if (!reply.write(text.slice(at, at + 20_000))) await once(reply, 'drain')
      reply.end()
    }
  }, { RESUME_MAX_BYTES: '50000' })
  const told = await raw(port, wire('') + wire('Connection: close\r\n'))
  t.match(told.replaceAll(/\r\n[0-9a-f]+\r\n/g, ''), text)
  t.strictSame(told.match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 200', 'HTTP/1.1 404'])
  t.equal(service.asked().length, 1)
})

test('a key that is none is refused by name', async t => {
  const { url, service } = await pair(t, { '/chat/stream': streams('Hi') }, callers)
  for (const key of ['', 'a b', 'x'.repeat(201), 'é', 'a\tb']) {
    const response = await keyed(url, key)
    t.equal(response.status, 400, key)
    t.match(await response.json(), { errorType: 'invalid_request', issues: [{ path: 'headers.idempotency-key', message: 'must be 1 to 200 visible ASCII characters' }] })
  }
  t.match(await (await complete(url, 'a b')).json(), { error: { code: 'invalid_request', param: 'headers.idempotency-key' } })
  t.match(await (await keyed(url, 'a b', chat)).text(), /idempotency-key: must be 1 to 200/)
  t.equal(service.requests.length, 0)
  for (const key of ['!', '~'.repeat(200), '"quoted"']) t.equal((await keyed(url, key)).status, 200)
})

test('asked twice in the same instant it is asked once, whatever the caller has slots for', async t => {
  const { url, service } = await pair(t, { '/chat/stream': streams('Hi') }, { ...callers, MAX_STREAMS_PER_CALLER: '2' })
  const both = await Promise.all([keyed(url, 'k'), keyed(url, 'k')])
  t.strictSame(both.map(replayed).sort(), ['true', null].sort())
  t.strictSame(await Promise.all(both.map(async response => await response.text())), ['Hi', 'Hi'])
  t.equal(service.asked().length, 1)
})

test('a caller whose answers are all in flight gets them again, and no other; a key that was refused is free', async t => {
  const { script, begun } = open()
  const { url, service, app } = await pair(t, { '/chat/stream': script }, { ...callers, MAX_STREAMS_PER_CALLER: '1' })
  const first = await keyed(url, 'k')
  const refused = await keyed(url, 'other')
  t.equal(refused.status, 429)
  t.equal(refused.headers.get('x-error-type'), 'too_many_streams')
  t.equal(replayed(refused), null)
  t.notMatch(await app.metrics.text(), 'delivery="none",protocol="text",ended="complete"} 1')
  const again = await keyed(url, 'k')
  t.equal(replayed(again), 'true')
  t.equal((await keyed(url, 'k')).status, 429, 'readings are counted as well')
  ;(await begun()).end()
  t.strictSame([await first.text(), await again.text()], ['half ', 'half '])
  service.scripts['/chat/stream'] = streams('Hi')
  // The slot is given back when the reply is closed, which its reader knows before.
  let other = await keyed(url, 'other')
  while (other.status === 429) other = await keyed(url, 'other')
  t.equal(await other.text(), 'Hi')
})

test('who leaves before the first byte comes back to the answer', async t => {
  let answer: ServerResponse | undefined
  const { url, service, log } = await pair(t, { '/chat/stream': reply => { answer = reply } }, callers)
  const leaving = new AbortController()
  const left = keyed(url, 'k', hello, { 'x-request-id': 'left' }, leaving.signal).catch(() => 'left')
  await service.request()
  leaving.abort()
  t.equal(await left, 'left')
  t.match(await log.ended('left'), { ended: 'client_left' })
  const again = keyed(url, 'k')
  answer?.end('Hi')
  t.equal(replayed(await again), 'true')
  t.equal(await (await again).text(), 'Hi')
  t.equal(service.asked().length, 1)
})

const endings: Array<[string, Script, string, Record<string, string>]> = [
  ['broken off', reply => reply.writeHead(200, { 'content-type': 'text/event-stream' }).end('event: delta\ndata: {"text":"half"}\n\nevent: done\ndata: {"finishReason":"length"}\n\n'), 'half cut', { reason: 'length' }],
  ['filtered', reply => reply.writeHead(200, { 'content-type': 'text/event-stream' }).end('event: delta\ndata: {"text":"half"}\n\nevent: done\ndata: {"finishReason":"content_filter"}\n\n'), 'half cut', { reason: 'filtered' }]
]
for (const [name, script, text, end] of endings) {
  test(`an answer that was ${name} is replayed as such`, async t => {
    const { url, service } = await pair(t, { '/chat/stream': script }, callers)
    t.equal(await textOf(await keyed(url, 'k')), text)
    t.equal(await textOf(await keyed(url, 'k')), text)
    t.match((await events(await keyed(url, 'k', hello, sse))).at(-1), { event: 'done', data: end })
    t.equal(service.asked().length, 1)
  })
}

test('an answer that was stopped is replayed as stopped', async t => {
  const { script, begun } = open()
  const { url, service } = await pair(t, { '/chat/stream': script }, callers)
  const first = await keyed(url, 'k', hello, sse)
  const closed = once(await begun(), 'close')
  t.equal((await fetch(`${url}/api/chat/${first.headers.get('x-stream-id')}`, { method: 'DELETE', headers: { 'x-api-key': 'ann-key' } })).status, 204)
  await closed
  for (const response of [first, await keyed(url, 'k', hello, sse)]) t.match((await events(response)).at(-1), { event: 'done', data: { reason: 'stopped', bytes: 5 } })
  t.equal(await textOf(await keyed(url, 'k')), 'half  cut')
  t.equal(service.asked().length, 1)
})

test('who does not know yet what the answer is called stops it by its key', async t => {
  let answer: ServerResponse | undefined
  const { url, service } = await pair(t, { '/chat/stream': reply => { answer = reply } }, callers)
  const stop = async (headers: Record<string, string>): Promise<Response> => await fetch(`${url}/api/chat`, { method: 'DELETE', headers: { 'x-api-key': 'ann-key', ...headers } })
  const waiting = keyed(url, 'k')
  await service.request()
  const closed = once(answer as ServerResponse, 'close')
  t.equal((await stop({ 'idempotency-key': 'other' })).status, 204)
  t.equal((await stop({ 'idempotency-key': 'k', 'x-api-key': 'bob-key' })).status, 204)
  t.equal((await stop({})).status, 404)
  t.equal((await stop({ 'idempotency-key': 'a b' })).status, 400)
  t.equal((await stop({ 'idempotency-key': 'k' })).status, 204)
  await closed
  t.equal((await waiting).headers.get('x-error-type'), 'stopped')
  const again = await keyed(url, 'k')
  t.equal(again.status, 409)
  t.equal(replayed(again), 'true')
})

test('an answer that failed frees its key, before its first byte and in the middle', async t => {
  const { url, service } = await pair(t, { '/chat/stream': json(429, { error: 'slow down' }) }, callers)
  t.equal((await keyed(url, 'k')).status, 429)
  service.scripts['/chat/stream'] = reply => reply.writeHead(200, { 'content-type': 'text/plain' }).write('half', () => reply.destroy())
  t.equal(await textOf(await keyed(url, 'k')), 'half cut')
  service.scripts['/chat/stream'] = streams('Hi')
  const whole = await keyed(url, 'k')
  t.equal(replayed(whole), null)
  t.equal(await whole.text(), 'Hi')
  t.equal(service.asked().length, 3)
})

test('an answer there is no room for any more frees its key', async t => {
  const { url, service } = await pair(t, { '/chat/stream': streams('x'.repeat(3_000)) }, { ...callers, RESUME_MAX_BYTES: '5000' })
  for (const key of ['a', 'b', 'a']) t.equal(replayed(await keyed(url, key)), null)
  t.equal(service.asked().length, 3)
})

test('a page of another origin may send a key', async t => {
  const { url } = await pair(t, {}, callers)
  const preflight = await fetch(`${url}/api/chat`, { method: 'OPTIONS', headers: { origin: 'http://localhost:5173', 'access-control-request-method': 'POST', 'access-control-request-headers': 'idempotency-key' } })
  t.match(preflight.headers.get('access-control-allow-headers'), /Idempotency-Key/)
})
