import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { fetchEventSource } from '@microsoft/fetch-event-source'
import { test } from 'tap'
import { EventSource, MessageEvent } from 'undici'
import { ask, events, pair, streams } from '../helper.ts'

const sse = { accept: 'text/event-stream' }

/** The reply to a reading that was asked for with the id of an event. */
async function resume (url: string, id: string, lastEventId: string, headers: Record<string, string> = {}): Promise<Response> {
  return await fetch(`${url}/api/chat/${id}`, { headers: { ...sse, ...headers, 'last-event-id': lastEventId } })
}

test('who has read the last event of an answer of its own is told that there is no more', async t => {
  const keys = { AUTH_MODE: 'api-key', API_KEYS: 'ann:ann-key,bob:bob-key' }
  const { url } = await pair(t, { '/chat/stream': streams('Hello') }, keys)
  const ann = { 'x-api-key': 'ann-key' }
  const response = await ask(url, { prompt: 'Hi', resumable: true }, { headers: { ...sse, ...ann } })
  const id = response.headers.get('x-stream-id') ?? ''
  const last = (await events(response)).at(-1)?.id ?? ''
  t.equal(last, '5.end')

  for (const lastEventId of [last, '0.end', '5.3.end']) {
    const over = await resume(url, id, lastEventId, ann)
    t.equal(over.status, 204)
    t.equal(await over.text(), '')
  }
  for (const [whose, key] of [[id, 'bob-key'], ['A'.repeat(22), 'ann-key']] as const) {
    const foreign = await resume(url, whose, last, { 'x-api-key': key })
    t.equal(foreign.status, 404)
    t.match(await foreign.json(), { error: 'Not found', errorType: 'not_found', retryable: false })
  }
})

test('an answer that is still being written has no last event yet: such an id is the place in it', async t => {
  let reply: ServerResponse | undefined
  const { url } = await pair(t, { '/chat/stream': asked => { (reply = asked).writeHead(200, { 'content-type': 'text/plain' }).write('Hello') } })
  const response = await ask(url, { prompt: 'Hi', resumable: true }, { headers: sse })
  const id = response.headers.get('x-stream-id') ?? ''
  const running = await resume(url, id, '2.end')
  t.equal(running.status, 200)
  t.equal((await resume(url, id, '6.end')).status, 416)
  reply?.end('!')
  t.match(await events(running), [{ event: 'start' }, { event: 'delta', data: { text: 'llo' } }, { event: 'delta', data: { text: '!' } }, { event: 'done', id: '6.end' }])
  t.equal((await resume(url, id, '6.end')).status, 204)
})

test('what is no id of an event is refused, and says what is one', async t => {
  const { url } = await pair(t, { '/chat/stream': streams('Hello') })
  const response = await ask(url, { prompt: 'Hi', resumable: true })
  const id = response.headers.get('x-stream-id') ?? ''
  await response.text()
  for (const wrong of ['x', '-1', '5.', '.5', '5.end.', 'end', '1e3', '9'.repeat(16)]) {
    const refused = await resume(url, id, wrong)
    t.equal(refused.status, 400, wrong)
    t.match(await refused.json(), { errorType: 'invalid_request', retryable: false, issues: [{ path: 'headers.last-event-id', message: /40\.17/ }] })
  }
})

test('a POST that says what it has read already is a question that would be asked twice', async t => {
  const { url, service, log } = await pair(t, { '/chat/stream': streams('Hello') })
  for (const lastEventId of ['5', '0', '5.end', 'x']) {
    const refused = await ask(url, undefined, { headers: { ...sse, 'last-event-id': lastEventId } })
    t.equal(refused.status, 409)
    t.equal(refused.headers.get('x-error-type'), 'already_asked')
    t.match(await refused.json(), { error: /^This question was asked before/, errorType: 'already_asked', retryable: false })
  }
  t.match(await log.ended(), { ended: 'complete', errorType: 'already_asked' })
  t.equal(service.requests.length, 0)
  t.equal((await ask(url, undefined, { headers: { 'last-event-id': '' } })).status, 200, 'an empty one is none (WHATWG HTML §9.2.4)')
})

test('an EventSource reads an answer once, and does not come back', async t => {
  const { url, log } = await pair(t, { '/chat/stream': streams('Hello again') })
  const response = await ask(url, { prompt: 'Hi', resumable: true })
  await response.text()
  const source = new EventSource(`${url}/api/chat/${response.headers.get('x-stream-id')}`, { node: { reconnectionTime: 1 } })
  t.teardown(() => source.close())
  const told: string[] = []
  for (const type of ['start', 'delta', 'done']) source.addEventListener(type, event => { if (event instanceof MessageEvent) told.push(`${type} ${event.lastEventId}`) })
  // It takes every end of a reply for a connection that was lost, until there is nothing at all.
  do await once(source, 'error')
  while (source.readyState !== source.CLOSED)
  t.strictSame(told, ['start ', 'delta 11', 'done 11.end'])
  await log.line(({ method, status }) => method === 'GET' && status === 204)
})

test('fetch-event-source does not ask a question again when its tab is shown again', async t => {
  const { url, service } = await pair(t, { '/chat/stream': reply => reply.writeHead(200, { 'content-type': 'text/plain' }).write('Hello') })
  // What the package takes from a page.
  const tab = Object.assign(new EventTarget(), { hidden: false })
  Object.assign(globalThis, { document: tab, window: { fetch, setTimeout, clearTimeout } })
  t.teardown(() => { Object.assign(globalThis, { document: undefined, window: undefined }) })
  const show = (hidden: boolean): void => {
    tab.hidden = hidden
    tab.dispatchEvent(new Event('visibilitychange'))
  }

  const statuses: number[] = []
  const reading = fetchEventSource(`${url}/api/chat`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ prompt: 'Hello' }),
    onopen: async response => {
      statuses.push(response.status)
      if (!response.ok) throw new Error(await response.text())
    },
    onmessage: ({ event }) => {
      if (event !== 'delta') return
      show(true)
      setImmediate(show, false)
    },
    onerror: error => { throw error }
  })
  await t.rejects(reading, { message: /This question was asked before/ })
  t.strictSame(statuses, [200, 409])
  t.equal(service.asked().length, 1)
})
