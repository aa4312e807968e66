import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { test } from 'tap'
import { modelCallMessage, toCopilotError } from '../../../copilot/engines/sdk-errors.ts'
import { pieces, post, readUntil } from '../helper.ts'
import type { ModelCall } from '../model-server.ts'
import { sdkService } from './sdk-helper.ts'

test('what a model refuses with becomes a status and a type', async t => {
  const { url, model } = await sdkService(t)
  /** Asks; `answer` answers every call that the model gets for it. */
  const ask = async (path: string, answer: (call: ModelCall) => void, calls = 1) => {
    const before = model.calls.length
    const asking = post(url + path, { prompt: 'Hi' })
    for (let i = 0; i < calls; i++) answer(await model.next())
    const response = await asking
    t.equal(model.calls.length - before, calls, 'the model was asked no more often')
    return { status: response.status, type: response.headers.get('content-type'), body: await response.json() }
  }
  for (const path of ['/chat', '/chat/stream']) {
    t.match(await ask(path, call => call.refuse(429, 'slow down', { 'retry-after': '30' })),
      { status: 429, body: { errorType: 'rate_limited', error: /^Copilot is rate limiting: .*slow down/ } })
    t.match(await ask(path, call => call.refuse(500, 'on fire, said provider-key\nand sk-0123456789abcdef')),
      { status: 500, body: { errorType: 'sdk', error: 'on fire, said [redacted] and [redacted]' } })
    t.match(await ask(path, call => call.refuse(403, 'not you')),
      { status: 401, body: { errorType: 'auth', error: 'GitHub Copilot authentication failed: the model provider refused the credentials (HTTP 403); check COPILOT_PROVIDER_API_KEY' } })
    t.match(await ask(path, call => call.refuse(400, 'too long')), { status: 500, body: { errorType: 'sdk', error: /too long/ } })
    t.match(await ask(path, call => call.cut()), { status: 500, type: 'application/json; charset=utf-8', body: { errorType: 'sdk' } })
  }
  t.match(await ask('/chat', call => call.refuse(401, 'who are you'), 3), { status: 401, body: { errorType: 'auth' } })
})

test('an answer that the model breaks off is cut and not begun again', async t => {
  const { url, model } = await sdkService(t)
  const breaks: Array<(call: ModelCall) => void> = [call => call.cut(), call => call.endUnfinished()]
  for (const breakOff of breaks) {
    const before = model.calls.length
    const answering = post(`${url}/chat/stream`, { prompt: 'Hi' })
    const call = await model.next()
    call.say('half an ans')
    const answer = pieces(await answering)
    t.equal(await readUntil(answer, 'half an ans'), 'half an ans')
    breakOff(call)
    await t.rejects(answer.next())
    t.equal(model.calls.length - before, 1)
  }
})

test('an answer that is refused half-way is cut at once', async t => {
  const { url, model } = await sdkService(t)
  const answering = post(`${url}/chat/stream`, { prompt: 'Hi' })
  const call = await model.next()
  call.say('Let me see.')
  const answer = pieces(await answering)
  await readUntil(answer, 'see.')
  call.callTool('bash', { command: 'ls' })
  ;(await model.next()).refuse(401, 'who are you')
  await t.rejects(answer.next())
  t.equal(model.calls.length, 2, 'and not tried again')
})

test('a model that cannot be reached is an error of the SDK', async t => {
  const nobody = createServer().listen(0, '127.0.0.1')
  await once(nobody, 'listening')
  const { port } = nobody.address() as AddressInfo
  nobody.close()
  await once(nobody, 'close')
  const { url } = await sdkService(t, { COPILOT_PROVIDER_BASE_URL: `http://127.0.0.1:${port}/v1` })
  const response = await post(`${url}/chat/stream`, { prompt: 'Hi' })
  t.equal(response.status, 500)
  t.match(await response.json(), { errorType: 'sdk', error: /connect ECONNREFUSED 127\.0\.0\.1/ })
})

test('the SDK’s categories and the statuses of model calls have their types', async t => {
  const type = (failure: { statusCode?: number, errorType?: string }) => toCopilotError({ message: 'm', ...failure }, { byProvider: false, secrets: [] })
  t.match(type({ errorType: 'rate_limit' }), { errorType: 'rate_limited', message: 'Copilot is rate limiting: m' })
  t.match(type({ errorType: 'quota' }), { errorType: 'rate_limited' })
  t.match(type({ errorType: 'authentication' }), { errorType: 'auth', message: 'GitHub Copilot authentication failed: m' })
  t.match(type({ errorType: 'authorization' }), { errorType: 'auth' })
  t.match(type({ statusCode: 401 }), { errorType: 'auth' })
  t.match(type({ errorType: 'query', statusCode: 503 }), { errorType: 'sdk', message: 'm' })
  t.match(toCopilotError({ message: ' ' }, { byProvider: true, secrets: [] }), { errorType: 'sdk', message: 'The GitHub Copilot SDK reported an error without a message' })
})

test('the message of a failed model call is found in whatever form it comes', async t => {
  t.equal(modelCallMessage(undefined), 'the model call failed')
  t.equal(modelCallMessage('{"message":"no","code":1}'), 'no')
  t.equal(modelCallMessage('"just no"'), 'just no')
  t.equal(modelCallMessage('plain no'), 'plain no')
  t.equal(modelCallMessage('{"code":1}'), '{"code":1}')
  t.equal(modelCallMessage('null'), 'null')
})
