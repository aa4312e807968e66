import { PassThrough, Readable } from 'node:stream'
import { test } from 'tap'
import type { BodyAnswer } from '../../../lib/answer/answer.ts'
import { Exchange } from '../../../lib/answer/exchange.ts'
import { GatewayError } from '../../../lib/errors.ts'
import { text as plain, textOrJson } from '../../../lib/protocols/text.ts'
import { answer, reasoning, telling, text } from './telling.ts'

const tool = { type: 'tool', id: '1', name: 'search', state: 'running' } as const

test('only what an answer says is told', async t => {
  const told = await telling(t, plain, answer([reasoning('Hm. '), text('Hel'), tool, text('lo'), reasoning('!')]))
  t.match(told, { status: 200, whole: true, body: 'Hello', exchange: { ended: 'complete' } })
})

test('a streamed body is the reply itself', async t => {
  const body = Readable.from([Buffer.from('Hello')])
  const whole: BodyAnswer = { delivery: 'stream', offset: { bytes: 0, rest: 0 }, body, ending: () => ({ finishReason: null }) }
  t.match(await telling(t, plain, whole), { status: 200, body: 'Hello', exchange: { ended: 'complete' } })
})

for (const [finishReason, ended] of [['length', 'length'], ['content_filter', 'filtered']] as const) {
  test(`an answer that ends by ${finishReason} is cut, whatever came by`, async t => {
    t.match(await telling(t, plain, answer([text('half')], { finishReason })), { status: 200, whole: false, body: 'half', exchange: { ended } })
    const buffered: BodyAnswer = { delivery: 'buffered', offset: { bytes: 0, rest: 0 }, body: Readable.from([Buffer.from('half')]), ending: () => ({ finishReason }) }
    t.match(await telling(t, plain, buffered), { status: 200, whole: false, body: 'half', exchange: { ended } })
  })

  test(`an answer that ends by ${finishReason} before it has said anything has a status`, async t => {
    t.match(await telling(t, plain, answer([reasoning('Hm.')], { finishReason })), { status: 502, body: /^Error: The/, exchange: { ended } })
  })
}

test('a failure before any text has a status, whatever was thought before; one behind it cuts', async t => {
  t.match(await telling(t, plain, answer([reasoning('Hm.'), tool], undefined, new GatewayError('idle_timeout'))), { status: 504, body: /fell silent/, exchange: { ended: 'idle_timeout' } })
  t.match(await telling(t, plain, answer([reasoning('Hm.'), text('half')], undefined, new GatewayError('idle_timeout'))), { status: 200, whole: false, body: 'half', exchange: { ended: 'idle_timeout' } })
})

test('thoughts and then nothing are an empty answer', async t => {
  for (const finishReason of ['stop', null] as const) {
    t.match(await telling(t, plain, answer([reasoning('Hm.')], { finishReason })), { status: 502, body: 'Error: Copilot service sent an empty answer', exchange: { ended: 'upstream_failed' } })
  }
})

test('a reading of the end of an answer may have nothing in it', async t => {
  t.match(await telling(t, plain, answer([reasoning('!')], undefined, undefined, { bytes: 4, rest: 0 })), { status: 200, whole: true, body: '' })
})

test('a reader that leaves before there is text gives the answer up', async t => {
  const parts = new PassThrough({ objectMode: true })
  parts.write(reasoning('Hm.'))
  const leave: Array<() => void> = []
  // All that is asked of it here.
  const exchange = Object.assign(Object.create(Exchange.prototype), { began () {}, onOver (listener: () => void) { leave.push(listener) } })
  const told = plain.tell(Promise.resolve({ ...answer([]), parts }), exchange, { requestId: 'r', heartbeatMs: 1 })
  await new Promise(resolve => setImmediate(resolve))
  for (const listener of leave) listener()
  await t.rejects(told, { message: 'the reader has left' })
  t.ok(parts.destroyed)
})

test('errors are JSON for those who would rather have it', async t => {
  const told = await telling(t, textOrJson, answer([], undefined, new GatewayError('timeout')))
  t.strictSame(JSON.parse(told.body), { error: 'Copilot did not answer in time', errorType: 'timeout', requestId: 'r', retryable: true })
})

test('a slow reader holds the answer back, and gets what came before a failure', async t => {
  const parts = new PassThrough({ objectMode: true, highWaterMark: 4 })
  const long = 'x'.repeat(100_000)
  for (let part = 0; part < 20; part++) parts.write(text(long))
  setImmediate(() => setImmediate(() => parts.end()))
  const told = await telling(t, plain, { ...answer([], { finishReason: 'length' }), parts })
  t.equal(told.body.length, 20 * long.length)
  t.notOk(told.whole)
})
