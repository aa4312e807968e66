import { type Test, test } from 'tap'
import { json, pair, type Script } from '../helper.ts'

async function list (t: Test, script?: Script) {
  const { url, service } = await pair(t, script ? { '/models': script } : {}, { COPILOT_FIRST_BYTE_TIMEOUT_MS: '200' })
  const response = await fetch(`${url}/api/models`, { headers: { accept: 'application/json', 'x-request-id': 'm.1', traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' } })
  return { status: response.status, type: response.headers.get('content-type'), body: await response.json(), service }
}

test('the models of the service, by id and name', async t => {
  const { status, type, body, service } = await list(t, json(200, { models: [{ id: 'a', name: 'A', price: 7 }, { id: 'b' }, { id: 'c', name: null }] }))
  t.equal(status, 200)
  t.match(type, 'application/json')
  t.strictSame(body, { models: [{ id: 'a', name: 'A' }, { id: 'b' }, { id: 'c' }] })
  t.match((await service.request()).headers, { accept: 'application/json', 'x-request-id': 'm.1', traceparent: /^00-0af7/ })
})

test('a service that does not know the question has none', async t => {
  const { status, body } = await list(t)
  t.equal(status, 200)
  t.strictSame(body, { models: [] })
})

test('what is not understood → 502 bad_reply', async t => {
  for (const reply of [{}, [], { models: {} }, { models: ['a'] }, { models: [null] }, { models: [{ name: 'A' }] }, { models: [{ id: 7 }] }]) {
    const { status, body } = await list(t, json(200, reply))
    t.equal(status, 502, JSON.stringify(reply))
    t.match(body, { errorType: 'bad_reply', requestId: 'm.1' })
  }
  const { body } = await list(t, reply => reply.end('<html>'))
  t.match(body, { errorType: 'bad_reply', error: /not JSON$/ })
})

test('the service\'s errors are passed on', async t => {
  t.match(await list(t, json(503, { error: 'x', errorType: 'token_missing' })), { status: 503, body: { errorType: 'token_missing' } })
  t.match(await list(t, json(500, { error: 'it broke', errorType: 'sdk' })), { status: 500, body: { error: 'it broke', errorType: 'sdk' } })
  t.match(await list(t, () => {}), { status: 504, body: { errorType: 'timeout' } })
})

test('a list that drips is not there in time, and an error that does keeps its status', async t => {
  const drips = (status: number): Script => reply => {
    reply.writeHead(status, { 'content-type': 'application/json' })
    const drip = setInterval(() => reply.write(' '), 20)
    reply.once('close', () => clearInterval(drip))
  }
  t.match(await list(t, drips(200)), { status: 504, body: { errorType: 'timeout' } })
  t.match(await list(t, drips(429)), { status: 429, body: { errorType: 'rate_limited' } })
})
