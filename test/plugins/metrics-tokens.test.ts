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
