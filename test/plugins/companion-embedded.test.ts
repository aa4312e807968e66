import { test } from 'tap'
import { ask, build } from '../helper.ts'

test('without a service, the companion answers from within the process, and says that it is a demo', async t => {
  const { app, url, log } = await build(t)
  const response = await ask(url)
  t.equal(response.status, 200)
  t.equal(response.headers.get('x-copilot-delivery'), 'stream')
  t.match(await response.text(), /^This is a demo answer/)
  t.match(await (await fetch(`${url}/api/models`)).json(), { models: [{ id: 'demo' }] })
  t.match(await log.line(({ engine }) => engine !== undefined), { engine: 'demo', msg: /no Copilot is configured/ })

  const { url: service } = app.copilotService
  t.match(service, /^http:\/\/127\.0\.0\.1:\d+$/)
  t.equal((await fetch(`${service}/models`)).status, 401, 'and answers nobody else on this machine')
  await app.close()
  await t.rejects(fetch(`${service}/health`), 'and ends with the gateway')
})

test('a request that fails is one line, the gateway\'s', async t => {
  const { app, url, log } = await build(t)
  const response = await ask(url, { prompt: 'demo:error' }, { headers: { 'x-request-id': 'r1', accept: 'text/event-stream' } })
  t.match(await response.text(), 'event: error')
  await ask(url, undefined, { headers: { 'x-request-id': 'r2', 'content-type': 'text/html' } })
  await log.ended('r2')
  // What the companion has still to say, it says before it is closed.
  await app.close()
  t.strictSame(log.lines.filter(({ requestId }) => requestId !== undefined).map(({ requestId, ended }) => [requestId, ended]), [['r1', 'upstream_failed'], ['r2', 'complete']])
})

test('a token that was never decrypted is no token, and the message says so', async t => {
  const { url } = await build(t, { COPILOT_GITHUB_TOKEN: 'encrypted:abc' })
  const response = await ask(url)
  t.equal(response.status, 503)
  t.equal(response.headers.get('x-error-type'), 'token_missing')
  t.match(await response.text(), /^Error: GitHub Copilot is not configured.*COPILOT_GITHUB_TOKEN.*decrypted/)
})

test('the sdk engine without a token says that it has none', async t => {
  const { url } = await build(t, { COPILOT_ENGINE: 'sdk' })
  const response = await ask(url)
  t.equal(response.status, 503)
  t.equal(response.headers.get('x-error-type'), 'token_missing')
})

test('in production the demo engine does not start by itself', async t => {
  await t.rejects(build(t, { NODE_ENV: 'production' }), { name: 'StartError', message: /COPILOT_SERVICE_URL.*COPILOT_ENGINE=demo/ })
  const { url } = await build(t, { NODE_ENV: 'production', COPILOT_ENGINE: 'demo' })
  t.equal((await ask(url)).status, 200)
})

test('a setting of the companion that is wrong stops the start with one line', async t => {
  await t.rejects(build(t, { COPILOT_ENGINE: 'best' }), { name: 'StartError', message: 'COPILOT_ENGINE must be one of auto, sdk, demo, not "best"' })
})
