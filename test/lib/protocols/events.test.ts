import { createHash } from 'node:crypto'
import { PassThrough, Readable } from 'node:stream'
import fc from 'fast-check'
import { test } from 'tap'
import type { BodyAnswer, Part } from '../../../lib/answer/answer.ts'
import { GatewayError } from '../../../lib/errors.ts'
import { AnswerStream } from '../../../lib/protocols/answer-stream.ts'
import { events } from '../../../lib/protocols/events.ts'
import { answer, parse, reasoning, telling, text } from './telling.ts'

const sha256 = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex')

test('every part is told, with its position, and how the answer ended', async t => {
  const usage = { inputTokens: 1, outputTokens: 2 }
  const parts: Part[] = [reasoning('Hm.'), text('Grüße'), { type: 'tool', id: '1', name: 'search', state: 'done', output: 'x' }, text('!')]
  const told = await telling(t, events, answer(parts, { finishReason: 'stop', usage, model: 'm2' }), { streamId: 's' })
  t.match(told, { status: 200, whole: true, exchange: { ended: 'complete' } })
  t.strictSame(parse(told.body), [
    { event: 'start', data: { streamId: 's', requestId: 'r', delivery: 'stream', model: 'm' } },
    { event: 'reasoning', id: '0.3', data: { text: 'Hm.' } },
    { event: 'delta', id: '7.3', data: { text: 'Grüße' } },
    { event: 'tool', id: '7.4', data: { id: '1', name: 'search', state: 'done', output: 'x' } },
    { event: 'delta', id: '8.4', data: { text: '!' } },
    { event: 'done', id: '8.4.end', data: { reason: 'complete', finishReason: 'stop', bytes: 8, sha256: sha256('Grüße!'), usage, model: 'm2' } }
  ])
})

test('what its model did not finish is told by name', async t => {
  for (const [finishReason, reason] of [['length', 'length'], ['content_filter', 'filtered']] as const) {
    const told = await telling(t, events, answer([text('half')], { finishReason }))
    t.match(parse(told.body).at(-1), { event: 'done', id: '4.end', data: { reason, finishReason, bytes: 4, sha256: sha256('half') } })
    t.match(told, { whole: true, exchange: { ended: reason } })
  }
})

test('thoughts and then nothing are an empty answer; what was cut before its first word is not', async t => {
  const empty = await telling(t, events, answer([reasoning('Hm.')]))
  t.match(parse(empty.body).at(-1), { event: 'error', id: '0.3.end', data: { errorType: 'stream_empty', bytes: 0 } })
  t.match(empty.exchange, { ended: 'upstream_failed' })
  t.match(parse((await telling(t, events, answer([reasoning('Hm.')], { finishReason: 'length' }))).body).at(-1), { event: 'done', data: { reason: 'length', bytes: 0 } })
})

test('whatever the text and however it is cut, a reader puts the same bytes together again', async t => {
  const pieces = fc.array(fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('\n', '\r', '\r\n', '\n\n', '\u2028', 'data: x\n\n', ': c\n', '🌍')), { maxLength: 12 })
  await fc.assert(fc.asyncProperty(pieces, fc.array(fc.tuple(fc.nat(), fc.boolean()), { maxLength: 12 }), async (texts, cuts) => {
    const bytes = Buffer.from(texts.join('').toWellFormed() + '.')
    const places = [...new Set([0, ...cuts.map(([cut]) => cut % (bytes.length + 1)), bytes.length])].sort((a, b) => a - b)
    // The same bytes are said and thought, cut alike, within characters as well.
    const chunks = places.slice(1).flatMap((end, index): Part[] => {
      const piece = bytes.subarray(places[index], end)
      return [{ type: 'reasoning', bytes: piece }, { type: 'text', bytes: piece }]
    })
    const told = parse((await telling(t, events, answer(chunks))).body)
    const joined = (event: string): string => told.filter(message => message.event === event).map(({ data }) => (data as { text: string }).text).join('')
    let [said, rest] = [0, 0]
    for (const { event, id, data } of told) {
      if (event === 'delta') said += Buffer.byteLength((data as { text: string }).text)
      if (event === 'reasoning') rest += Buffer.byteLength((data as { text: string }).text)
      if ((event === 'delta' || event === 'reasoning') && id !== (rest === 0 ? String(said) : `${said}.${rest}`)) return false
    }
    const last = told.at(-1)
    return Buffer.from(joined('delta')).equals(bytes) && Buffer.from(joined('reasoning')).equals(bytes) &&
      last?.event === 'done' && (last.data as { sha256: string }).sha256 === sha256(bytes)
  }), { numRuns: 50, seed: 11 })
  t.pass()
})

test('bytes that are no UTF-8 are an error, not another text', async t => {
  const bad = (type: 'text' | 'reasoning', ...bytes: number[]): Part => ({ type, bytes: Buffer.from(bytes) })
  for (const parts of [[text('a'), bad('text', 0xff, 0x61)], [text('a'), bad('reasoning', 0xff, 0x61)], [text('a'), bad('text', 0xf0, 0x9f)], [text('a'), bad('reasoning', 0xf0, 0x9f)]]) {
    const told = await telling(t, events, answer(parts))
    t.match(parse(told.body).at(-1), { event: 'error', data: { errorType: 'bad_reply', bytes: 1 } })
    t.match(told.exchange, { ended: 'upstream_failed', failure: { errorType: 'bad_reply' } })
  }
})

test('a reading from the middle counts from there and ends with the digest of the whole', async t => {
  const told = await telling(t, events, { ...answer([text('tail')], undefined, undefined, { bytes: 4, rest: 2 }), summary: () => ({ bytes: 8, sha256: 'abc' }) })
  t.match(parse(told.body).slice(1), [{ event: 'delta', id: '8.2' }, { event: 'done', id: '8.2.end', data: { bytes: 8, sha256: 'abc' } }])
})

test('a recorded answer that was stopped is done, and one whose gateway drains is to be read on elsewhere', async t => {
  const summary = () => ({ bytes: 4, sha256: 'abc' })
  const last = async (failure: GatewayError, recorded: boolean) => parse((await telling(t, events, { ...answer([text('half')], undefined, failure), ...(recorded && { summary }) })).body).at(-1)
  t.strictSame(await last(new GatewayError('stopped'), true), { event: 'done', id: '4.end', data: { reason: 'stopped', finishReason: null, bytes: 4, sha256: 'abc' } })
  t.strictSame(await last(new GatewayError('draining'), true), { event: 'reconnect', data: { after: 4 } })
  t.strictSame(await last(new GatewayError('store_unavailable'), true), { event: 'reconnect', data: { after: 4 } })
  t.match(await last(new GatewayError('draining'), false), { event: 'error', data: { errorType: 'draining' } })
})

test('a slow model shows that it is alive; the answer, or its failure, follows', async t => {
  const later = (failure?: GatewayError) => async (committed: Promise<unknown>) => {
    await committed
    if (failure) throw failure
    return answer([text('at last')])
  }
  const told = await telling(t, events, later(), { heartbeatMs: 5 })
  t.match(told.body, /^(: keep-alive\n)+event: start\n/)
  t.match(parse(told.body).at(-1), { event: 'done' })
  t.match(parse((await telling(t, events, later(new GatewayError('timeout')), { heartbeatMs: 5 })).body), [{ event: 'error', id: '0.end', data: { errorType: 'timeout' } }])
  t.match(parse((await telling(t, events, later(new GatewayError('stopped')), { heartbeatMs: 5, streamId: 's' })).body), [{ event: 'done', data: { reason: 'stopped', bytes: 0, sha256: sha256('') } }])
})

test('a body is told in the chunks that it comes in, and nothing is read that nobody takes', async t => {
  let made = 0
  const body = new Readable({ highWaterMark: 1024, read () { this.push(made++ < 500 ? Buffer.alloc(1024, 'x') : null) } })
  const whole: BodyAnswer = { delivery: 'stream', offset: { bytes: 0, rest: 0 }, body, ending: () => ({ finishReason: null }) }
  const told = await telling(t, events, whole)
  t.match(parse(told.body).at(-1), { event: 'done', data: { finishReason: null, bytes: 512_000 } })
})

test('an answer that comes for a reader who is gone is let go of', async t => {
  const parts = new PassThrough({ objectMode: true })
  const stream = new AnswerStream({ begin: () => '', text: () => '', reasoning: () => '', tool: () => '', end: () => '', fail: () => '', heartbeat: '' }, 1)
  stream.destroy()
  // Nothing of the reply is left that could be asked.
  stream.tell({ ...answer([]), parts }, Object.create(null))
  t.ok(parts.destroyed)
})
