import { PassThrough } from 'node:stream'
import { test } from 'tap'
import type { Part } from '../../../lib/answer/answer.ts'
import { Exchange } from '../../../lib/answer/exchange.ts'
import { GatewayError } from '../../../lib/errors.ts'
import { openai } from '../../../lib/protocols/openai.ts'
import { answer, parse, reasoning, telling, text } from './telling.ts'

const streamed = openai({ stream: true, includeUsage: true, model: 'm' })
const whole = openai({ stream: false, includeUsage: false })
const usage = { inputTokens: 3, outputTokens: 5, reasoningTokens: 2, cachedInputTokens: 1 }
const openaiUsage = { prompt_tokens: 3, completion_tokens: 5, total_tokens: 8, prompt_tokens_details: { cached_tokens: 1 }, completion_tokens_details: { reasoning_tokens: 2 } }
const tool = { type: 'tool', id: '1', name: 'search', state: 'running' } as const

test('text, thoughts, finish reason and usage are chunks', async t => {
  for (const [finishReason, told] of [['stop', 'stop'], [null, 'stop'], ['length', 'length'], ['content_filter', 'content_filter']] as const) {
    const { body, whole } = await telling(t, streamed, answer([reasoning('Hm.'), tool, text('Hello')], { finishReason, usage }))
    t.ok(whole)
    t.match(parse(body).map(({ data }) => data), [
      { id: 'chatcmpl-r', choices: [{ delta: { role: 'assistant' } }] },
      { choices: [{ delta: { reasoning_content: 'Hm.' } }] },
      { choices: [{ delta: { content: 'Hello' }, finish_reason: null }] },
      { choices: [{ delta: {}, finish_reason: told }] },
      { choices: [], usage: openaiUsage },
      '[DONE]'
    ])
  }
})

test('usage is told when it is asked for, and there is some', async t => {
  const without = openai({ stream: true, includeUsage: false })
  t.notMatch((await telling(t, without, answer([text('x')], { finishReason: 'stop', usage }))).body, 'usage')
  const plain = await telling(t, streamed, answer([text('x')]))
  t.notMatch(plain.body, 'usage')
  for (const one of [{ inputTokens: 1 }, { outputTokens: 1 }]) {
    t.notMatch((await telling(t, streamed, answer([text('x')], { finishReason: 'stop', usage: one }))).body, 'usage', 'there is no sum of one number')
    t.notMatch((await telling(t, whole, answer([text('x')], { finishReason: 'stop', usage: one }))).body, 'usage')
  }
  t.match(parse((await telling(t, streamed, answer([text('x')], { finishReason: 'stop', usage: { inputTokens: 1, outputTokens: 2 } }))).body).at(-2)?.data, { usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 } })
})

test('a failure behind the first byte is an error, and a cut behind it', async t => {
  for (const errorType of ['idle_timeout', 'stopped'] as const) {
    const { body, whole } = await telling(t, streamed, answer([text('half')], undefined, new GatewayError(errorType)))
    t.notOk(whole)
    t.match(parse(body).at(-1)?.data, { error: { code: errorType, message: String, param: null } })
  }
})

test('a slow model commits to 200; what fails later is told in the stream', async t => {
  const failing = async (committed: Promise<unknown>) => await committed.then(() => { throw new GatewayError('timeout') })
  const { status, body, whole } = await telling(t, streamed, failing, { heartbeatMs: 5 })
  t.equal(status, 200)
  t.match(body, /^(: keep-alive\n)+data: \{"error"/)
  t.notOk(whole)
})

test('as one object it has everything, or a status', async t => {
  const told = await telling(t, whole, answer([reasoning('Hm.'), tool, text('Hel'), text('lo')], { finishReason: 'length', usage }))
  t.match(JSON.parse(told.body), { object: 'chat.completion', model: 'default', choices: [{ message: { role: 'assistant', content: 'Hello', reasoning_content: 'Hm.' }, finish_reason: 'length' }], usage: openaiUsage })
  const bad: Part = { type: 'text', bytes: Buffer.from([0xff]) }
  const failures = [
    [answer([text('half')], undefined, new GatewayError('idle_timeout')), 504, 'idle_timeout'],
    [answer([reasoning('Hm.')]), 502, 'stream_empty'],
    [answer([bad]), 502, 'bad_reply'],
    [answer(Array.from({ length: 17 }, () => text('x'.repeat(1024 * 1024)))), 502, 'bad_reply']
  ] as const
  for (const [failing, status, code] of failures) {
    const { status: seen, headers, body } = await telling(t, whole, failing)
    t.equal(seen, status)
    t.equal(headers['x-should-retry'], 'false')
    t.match(JSON.parse(body), { error: { code } })
  }
})

test('a reader that leaves an answer that is told as one object gives it up', async t => {
  const parts = new PassThrough({ objectMode: true })
  const { createServer } = await import('node:http')
  const server = createServer((_request, response) => {
    const exchange = new Exchange(response, () => {})
    response.once('close', () => exchange.settle())
    whole.tell(Promise.resolve({ ...answer([]), parts }), exchange, { requestId: 'r', heartbeatMs: 1 }).catch((error: Error) => left(error))
    parts.write(text('half'), () => leaving.abort())
  }).listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  let left: (error: Error) => void = () => {}
  const gone = new Promise<Error>(resolve => { left = resolve })
  const leaving = new AbortController()
  await new Promise(resolve => server.once('listening', resolve))
  const address = server.address()
  await t.rejects(fetch(`http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`, { signal: leaving.signal }))
  t.match(await gone, { message: 'the reader has left' })
  t.ok(parts.destroyed)
})
