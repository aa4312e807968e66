import { test } from 'tap'
import { collector, exportsTo, type Span } from '../collector.ts'
import { ask, json, pair, streams } from '../helper.ts'

const usage = { inputTokens: 10, cachedInputTokens: 4, outputTokens: 5, reasoningTokens: 3 }
const told = {
  'gen_ai.usage.input_tokens': 10,
  'gen_ai.usage.cache_read.input_tokens': 4,
  'gen_ai.usage.output_tokens': 5,
  'gen_ai.usage.reasoning.output_tokens': 3,
  'gen_ai.response.model': 'gpt-y'
}

for (const [finishReason, ended] of [['stop', 'complete'], ['length', 'length'], ['content_filter', 'filtered']] as const) {
  for (const resumable of [false, true]) {
    test(`the span of ${resumable ? 'a resumable' : 'an'} answer says that it ended by ${finishReason}, and what it cost`, async t => {
      const sink = await collector(t)
      const { url } = await pair(t, {
        '/chat/stream': reply => reply.writeHead(200, { 'content-type': 'text/event-stream' })
          .end(`event: delta\ndata: {"text":"Hello"}\n\nevent: done\ndata: ${JSON.stringify({ finishReason, usage, model: 'gpt-y' })}\n\n`)
      }, exportsTo(sink))
      await (await ask(url, { prompt: 'Hello', resumable }, { headers: { accept: 'text/event-stream' } })).text()
      const span = await sink.span(isAnswer)
      t.match(span, { failed: false, attributes: { ...told, 'gateway.ended': ended } })
      t.strictSame(span.attributes['gen_ai.response.finish_reasons'], [finishReason])
    })
  }
}

test('of two numbers, one is told alone', async t => {
  for (const [usage, name] of [[{ inputTokens: 10 }, 'input_tokens'], [{ outputTokens: 10 }, 'output_tokens']] as const) {
    const sink = await collector(t)
    const { url } = await pair(t, { '/chat': json(200, { output: 'Hello', usage }) }, exportsTo(sink))
    await (await ask(url)).text()
    const { attributes } = await sink.span(isAnswer)
    t.strictSame(Object.keys(attributes).filter(name => name.includes('usage')), [`gen_ai.usage.${name}`])
  }
})

test('what the service does not say is in no span', async t => {
  const sink = await collector(t)
  const { url } = await pair(t, { '/chat/stream': streams('Hello') }, exportsTo(sink))
  await (await ask(url)).text()
  const { attributes } = await sink.span(isAnswer)
  t.strictSame(Object.keys(attributes).filter(name => /usage|finish_reasons|response\.model/.test(name)), [])
})

function isAnswer ({ name }: Span): boolean {
  return name === 'chat'
}
