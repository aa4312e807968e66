import { test } from 'tap'
import { ask, events, json, pair, type Script } from '../helper.ts'

const token = 'hush-caller-token-7f3a9c51'
const headers = { 'x-github-token': token }
const accept = { COPILOT_CALLER_TOKENS: 'accept' }

/** Repeats the token that it was sent in the middle of an answer. */
const repeats: Script = (reply, { headers }) => reply.writeHead(200, { 'content-type': 'text/event-stream' })
  .end(`event: delta\ndata: {"text":"Hi"}\n\nevent: error\ndata: {"message":"no good: ${headers['x-github-token']}","errorType":"sdk"}\n\n`)

test('a GitHub token of the caller goes to the service where it may, in every way to ask', async t => {
  const { url, service } = await pair(t, { '/chat/stream': reply => reply.writeHead(200, { 'content-type': 'text/plain' }).end('Hi'), '/models': json(200, { models: [] }) }, accept)
  await (await ask(url, undefined, { headers })).text()
  await (await ask(url, { prompt: 'Hi', resumable: true }, { headers })).text()
  await (await ask(url, undefined, { headers: { ...headers, 'idempotency-key': 'k' } })).text()
  await (await fetch(`${url}/api/models`, { headers })).text()
  t.strictSame(service.requests.map(({ headers }) => headers['x-github-token']), [token, token, token, token])
  await (await ask(url)).text()
  t.equal(service.requests.at(-1)?.headers['x-github-token'], undefined)
})

test('without the setting it stays here', async t => {
  const { url, service } = await pair(t, { '/chat/stream': reply => reply.writeHead(200, { 'content-type': 'text/plain' }).end('Hi') })
  t.equal((await ask(url, undefined, { headers })).status, 200)
  t.equal(service.requests[0]?.headers['x-github-token'], undefined)
})

test('what cannot be a token is refused', async t => {
  const { url, service } = await pair(t, {}, accept)
  for (const value of ['two words', 'x'.repeat(1001), '\u00e4']) {
    const refused = await ask(url, undefined, { headers: { 'x-github-token': value, accept: 'application/json' } })
    t.equal(refused.status, 400)
    t.match(await refused.json(), { issues: [{ path: 'headers.x-github-token', message: 'must be 1 to 1000 visible ASCII characters' }] })
  }
  t.equal(service.requests.length, 0)
})

test('a service that repeats it tells nobody', async t => {
  const { app, url, service, log } = await pair(t, { '/chat/stream': repeats }, accept)
  const asked = async (body: object, more: object = {}) => await ask(url, body, { headers: { ...headers, accept: 'text/event-stream', ...more } })
  const direct = JSON.stringify(await events(await asked({ prompt: 'Hi' })))
  const recorded = await asked({ prompt: 'Hi', resumable: true })
  const told = JSON.stringify(await events(recorded))
  const again = await (await fetch(`${url}/api/chat/${recorded.headers.get('x-stream-id')}`, { headers: { accept: 'text/event-stream' } })).text()
  service.scripts['/chat/stream'] = (reply, request) => json(500, { error: `no good: ${request.headers['x-github-token']}`, errorType: 'sdk' })(reply, request)
  const refused = await (await asked({ prompt: 'Hi' })).text()
  for (const text of [direct, told, again, refused]) t.match(text, /no good: /)
  for (const text of [direct, told, again, refused, JSON.stringify(log.lines), await app.metrics.text()]) t.notMatch(text, /hush/)
})

test('it is not sent in clear text to another machine', async t => {
  await t.rejects(pair(t, {}, { ...accept, COPILOT_SERVICE_URL: 'http://copilot:3001' }), { name: 'StartError', message: /^COPILOT_CALLER_TOKENS sends/ })
})
