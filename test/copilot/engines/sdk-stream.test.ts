import { test } from 'tap'
import { pieces, post, readUntil, service } from '../helper.ts'
import { modelServer } from '../model-server.ts'

test('the real SDK streams the model’s pieces as they are written', async t => {
  const model = await modelServer(t)
  const { url } = await service(t, { env: { COPILOT_PROVIDER_BASE_URL: model.url, COPILOT_PROVIDER_API_KEY: 'provider-key', COPILOT_MODEL: 'test-model' } })

  const answering = post(`${url}/chat/stream`, { prompt: 'Grüß Gott, 世界 🌍', mode: 'explain-only' })
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
  t.equal(call.body.tools, undefined, 'no tools are offered')
  t.match(call.body.messages.at(-1), { role: 'user', content: /Grüß Gott, 世界 🌍$/ })
  t.match(call.body.messages[0], { role: 'system', content: /You have no tools/ })
  t.equal(model.calls.length, 1)
})
