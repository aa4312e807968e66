import { test } from 'tap'
import { ask, json, pair, type Script } from '../helper.ts'
import { scrape } from '../scrape.ts'

const done = (end: object): Script => reply => reply
  .writeHead(200, { 'content-type': 'text/event-stream' })
  .end(`event: delta\ndata: {"text":"Hello"}\n\nevent: done\ndata: ${JSON.stringify(end)}\n\n`)
const usage = { inputTokens: 10, outputTokens: 5, reasoningTokens: 3, cachedInputTokens: 4 }

test('the tokens of an answer are counted by kind and model, however it ended and whoever reads it', async t => {
  const { url, service, log } = await pair(t, { '/chat/stream': done({ finishReason: 'stop', usage, model: 'gpt-y' }) })
  await (await ask(url, { prompt: 'Hello', model: 'gpt-x' })).text()
  await (await ask(url, { prompt: 'Hello', resumable: true })).text()
  service.scripts['/chat/stream'] = done({ finishReason: 'length', usage: { inputTokens: 1, outputTokens: 2 } })
  await t.rejects(ask(url, { prompt: 'Hello', model: 'gpt-x' }).then(response => response.text()))
  delete service.scripts['/chat/stream']
  service.scripts['/chat'] = json(200, { output: 'Hello', usage: { inputTokens: 7 } })
  const buffered = await ask(url)
  await buffered.text()
  await log.ended(buffered.headers.get('x-request-id') ?? '')

  t.strictSame((await scrape(url)).counted('gateway_tokens_total'), {
    'input gpt-y': 20,
    'output gpt-y': 10,
    'reasoning gpt-y': 6,
    'cached_input gpt-y': 8,
    'input gpt-x': 1,
    'output gpt-x': 2,
    'input unknown': 7
  })
})

test('an answer without usage counts no tokens, and one that was cut neither', async t => {
  const { url, service, log } = await pair(t, { '/chat/stream': done({ finishReason: 'stop', model: 'gpt-y' }) })
  await (await ask(url)).text()
  service.scripts['/chat/stream'] = reply => reply.writeHead(200, { 'content-type': 'text/event-stream' }).end('event: delta\ndata: {"text":"Hello"}\n\n')
  const cut = await ask(url)
  await t.rejects(cut.text())
  await log.ended(cut.headers.get('x-request-id') ?? '')
  t.strictSame((await scrape(url)).counted('gateway_tokens_total'), {})
})

test('the models that have a name in the metrics are bounded, and so are their names', async t => {
  let models = 0
  const { url, log } = await pair(t, { '/chat/stream': (reply, request) => done({ usage: { inputTokens: 1, outputTokens: 0 }, model: `${models++}-${'m'.repeat(150)}` })(reply, request) })
  for (let index = 0; index < 23; index++) {
    const response = await ask(url)
    await response.text()
    await log.ended(response.headers.get('x-request-id') ?? '')
  }
  const counted = (await scrape(url)).counted('gateway_tokens_total')
  t.equal(Object.keys(counted).length, 21)
  t.equal(counted['input other'], 3)
  t.equal(counted[`input 0-${'m'.repeat(98)}`], 1)
})

test('OpenTelemetry\'s metrics of generative AI have the tokens and the times of streamed answers, by model', async t => {
  const { url, service, log } = await pair(t, { '/chat/stream': done({ finishReason: 'stop', usage, model: 'gpt-y' }) })
  await (await ask(url)).text()
  service.scripts['/chat/stream'] = done({ finishReason: 'stop', usage: { inputTokens: 3, outputTokens: 1 }, model: 'gpt-y' })
  await (await ask(url)).text()
  delete service.scripts['/chat/stream']
  service.scripts['/chat'] = json(200, { output: 'Hello', usage: { outputTokens: 7 } })
  const buffered = await ask(url)
  await buffered.text()
  await log.ended(buffered.headers.get('x-request-id') ?? '')

  const seen = await scrape(url)
  const of = (model: string) => `chat github ${model}`
  t.strictSame(seen.counted('gen_ai_client_token_usage_sum'), { [`${of('gpt-y')} input`]: 13, [`${of('gpt-y')} output`]: 6, [`${of('unknown')} output`]: 7 })
  t.strictSame(seen.counted('gen_ai_client_token_usage_count'), { [`${of('gpt-y')} input`]: 2, [`${of('gpt-y')} output`]: 2, [`${of('unknown')} output`]: 1 })
  t.strictSame(seen.counted('gen_ai_server_time_to_first_token_seconds_count'), { [of('gpt-y')]: 2 }, 'a buffered answer has no first token')
  t.strictSame(seen.counted('gen_ai_server_time_per_output_token_seconds_count'), { [of('gpt-y')]: 1 }, 'and a single token none after it')
})
