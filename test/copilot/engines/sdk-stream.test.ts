import { test } from 'tap'
import { pieces, post, readUntil } from '../helper.ts'
import { sdkService } from './sdk-helper.ts'

test('the real SDK streams the model’s pieces as they are written', async t => {
  const { url, model } = await sdkService(t)
  const answering = post(`${url}/chat/stream`, { prompt: 'Grüß Gott, 世界 🌍' })
  const call = await model.next()
  call.say('Hällo ')
  const response = await answering
  t.equal(response.status, 200)
  t.equal(response.headers.get('content-type'), 'text/plain; charset=utf-8')

  const answer = pieces(response)
  t.equal(await readUntil(answer, 'Hällo '), 'Hällo ', 'the first piece is here while the model still writes')
  call.say('wörld ')
  t.equal(await readUntil(answer, 'wörld '), 'wörld ')
  call.say('🌍')
  call.end()
  t.equal(await readUntil(answer, '🌍'), '🌍')
  t.same(await answer.next(), { done: true, value: undefined })

  t.equal(call.headers.authorization, 'Bearer provider-key')
  t.equal(call.body.model, 'test-model')
  t.match(call.body.messages.at(-1), { role: 'user', content: /Grüß Gott, 世界 🌍$/ })
  t.equal(model.calls.length, 1)
})

test('the same answer, buffered', async t => {
  const { url, model } = await sdkService(t)
  const answering = post(`${url}/chat`, { prompt: 'Hi', model: 'another-model' })
  const call = await model.next()
  t.equal(call.body.model, 'another-model', 'the caller’s model wins')
  call.say('Hällo ')
  call.say('wörld')
  call.end()
  t.same(await (await answering).json(), { output: 'Hällo wörld', finishReason: 'stop' })
})

test('a model that answers whole instead of streaming is heard all the same', async t => {
  const { url, model } = await sdkService(t)
  const answering = post(`${url}/chat/stream`, { prompt: 'Hi' })
  const call = await model.next()
  call.reply('All at once')
  t.equal(await (await answering).text(), 'All at once')
})

test('a provider of another type is asked in its own way', async t => {
  const { url, model } = await sdkService(t, { COPILOT_PROVIDER_TYPE: 'anthropic' })
  const answering = post(`${url}/chat`, { prompt: 'Hi' })
  const call = await model.next()
  t.match(call.path, /\/messages$/)
  t.equal(call.headers['x-api-key'], 'provider-key')
  call.refuse(400, 'no')
  t.equal((await answering).status, 500)
})

test('two answers at once do not mix', async t => {
  const { url, model } = await sdkService(t)
  const first = post(`${url}/chat`, { prompt: 'first' })
  const callOfFirst = await model.next()
  const second = post(`${url}/chat`, { prompt: 'second' })
  const callOfSecond = await model.next()
  callOfSecond.say('2')
  callOfFirst.say('1')
  callOfFirst.end()
  callOfSecond.end()
  t.same(await (await first).json(), { output: '1', finishReason: 'stop' })
  t.same(await (await second).json(), { output: '2', finishReason: 'stop' })
})

test('a long prompt gets through whole', async t => {
  const { url, model } = await sdkService(t)
  const prompt = 'Ä word. '.repeat(20_000).trim()
  const answering = post(`${url}/chat`, { prompt })
  const call = await model.next()
  t.ok(call.body.messages.at(-1)?.content.endsWith(prompt))
  call.say('ok')
  call.end()
  t.same(await (await answering).json(), { output: 'ok', finishReason: 'stop' })
})
