import { test } from 'tap'
import { GatewayError } from '../../../lib/errors.ts'
import { aiSdk } from '../../../lib/protocols/ai-sdk.ts'
import { answer, parse, reasoning, telling, text } from './telling.ts'

const used = (state: 'running' | 'done' | 'failed', more: object = {}) => ({ type: 'tool', id: '1', name: 'search', state, ...more }) as const
const told = { toolCallId: '1', dynamic: true, providerExecuted: true }

test('an answer is a message of blocks, with an end that says how', async t => {
  const usage = { inputTokens: 1, outputTokens: 2 }
  for (const [finishReason, reason] of [['stop', 'stop'], [null, 'stop'], ['length', 'length'], ['content_filter', 'content-filter']] as const) {
    const { headers, body, whole } = await telling(t, aiSdk, answer([reasoning('Hm.'), used('running', { input: { q: 1 } }), used('done', { output: 'x' }), text('Hel'), text('lo')], { finishReason, usage }))
    t.ok(whole)
    t.equal(headers['x-vercel-ai-ui-message-stream'], 'v1')
    t.strictSame(parse(body).map(({ data }) => data), [
      { type: 'start', messageId: 'r' },
      { type: 'start-step' },
      { type: 'reasoning-start', id: '1' },
      { type: 'reasoning-delta', id: '1', delta: 'Hm.' },
      { type: 'reasoning-end', id: '1' },
      { type: 'tool-input-available', ...told, toolName: 'search', input: { q: 1 } },
      { type: 'tool-output-available', ...told, output: 'x' },
      { type: 'text-start', id: '2' },
      { type: 'text-delta', id: '2', delta: 'Hel' },
      { type: 'text-delta', id: '2', delta: 'lo' },
      { type: 'text-end', id: '2' },
      { type: 'finish-step' },
      { type: 'finish', finishReason: reason, messageMetadata: { usage } },
      '[DONE]'
    ])
  }
})

test('a tool that says nothing of itself is told; one that failed says why', async t => {
  const { body } = await telling(t, aiSdk, answer([used('running'), used('done'), used('failed'), used('failed', { output: 'no' }), text('x')]), { streamId: 's' })
  t.match(parse(body).map(({ data }) => data), [
    { type: 'start', messageId: 's' },
    { type: 'start-step' },
    { type: 'tool-input-available', input: {} },
    { type: 'tool-output-available', output: '' },
    { type: 'tool-output-error', errorText: 'The tool failed' },
    { type: 'tool-output-error', errorText: 'no' }
  ])
  t.strictSame(parse(body).at(-2)?.data, { type: 'finish', finishReason: 'stop' })
})

test('a tool that is told only when it is over is told as used first', async t => {
  const { body } = await telling(t, aiSdk, answer([used('done', { input: { q: 1 }, output: 'x' }), used('done'), { ...used('failed'), id: '2' }, text('x')]))
  t.match(parse(body).map(({ data }) => data).slice(2, 7), [
    { type: 'tool-input-available', ...told, toolName: 'search', input: { q: 1 } },
    { type: 'tool-output-available', ...told, output: 'x' },
    { type: 'tool-output-available', ...told, output: '' },
    { type: 'tool-input-available', toolCallId: '2', input: {} },
    { type: 'tool-output-error', toolCallId: '2' }
  ])
})

test('a failure is an error, a stop is an abort, and both are an end', async t => {
  const end = async (failure: GatewayError) => parse((await telling(t, aiSdk, answer([text('half')], undefined, failure))).body).slice(-2).map(({ data }) => data)
  t.strictSame(await end(new GatewayError('idle_timeout')), [{ type: 'error', errorText: 'Copilot fell silent in the middle of its answer' }, '[DONE]'])
  t.strictSame(await end(new GatewayError('stopped')), [{ type: 'abort' }, '[DONE]'])
})

test('a refusal is text that can be shown', async t => {
  const refusal = (failure: GatewayError): string => {
    const { type, body } = aiSdk.refuse(failure, 'r')
    t.match(type, 'text/plain')
    return body
  }
  t.equal(refusal(new GatewayError('too_many_requests')), 'Too many requests')
  t.equal(refusal(new GatewayError('invalid_request', { issues: [{ path: 'a.b', message: 'is wrong' }, { path: '', message: 'is odd' }] })), 'Invalid request: a.b: is wrong; is odd')
})
