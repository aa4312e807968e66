import { createParser, type EventSourceMessage } from 'eventsource-parser'
import { test } from 'tap'
import { GatewayError } from '../../../lib/errors.ts'
import * as frames from '../../../lib/sse/frames.ts'

/** The one event that a parser of the standard reads out of a frame, its data parsed. */
function read (frame: string): { event: string | undefined, id: string | undefined, data: unknown } | undefined {
  const messages: EventSourceMessage[] = []
  createParser({ onEvent: message => messages.push(message) }).feed(frame)
  const [message] = messages
  return messages.length === 1 && message ? { event: message.event, id: message.id, data: JSON.parse(message.data) } : undefined
}

test('an id is the bytes of text, and a counter of the rest once there is any', async t => {
  t.equal(frames.idAt({ bytes: 0, rest: 0 }), '0')
  t.equal(frames.idAt({ bytes: 40, rest: 0 }), '40')
  t.equal(frames.idAt({ bytes: 40, rest: 17 }), '40.17')
  t.equal(frames.idAt({ bytes: 0, rest: 17 }), '0.17')
})

test('each part is an event of its own, with the position behind it', async t => {
  t.strictSame(read(frames.delta('a\nb\u2028"', { bytes: 5, rest: 0 })), { event: 'delta', id: '5', data: { text: 'a\nb\u2028"' } })
  t.strictSame(read(frames.reasoning('Hm.\n', { bytes: 0, rest: 4 })), { event: 'reasoning', id: '0.4', data: { text: 'Hm.\n' } })
  t.strictSame(read(frames.tool({ id: '1', name: 'search', state: 'running', input: { text: 'x' } }, { bytes: 0, rest: 5 })),
    { event: 'tool', id: '0.5', data: { id: '1', name: 'search', state: 'running', input: { text: 'x' } } })
  t.strictSame(read(frames.tool({ id: '1', name: 'search', state: 'done', output: 'two' }, { bytes: 0, rest: 6 })),
    { event: 'tool', id: '0.6', data: { id: '1', name: 'search', state: 'done', output: 'two' } })
})

test('an end has an id that says so, what was used, and nothing that nobody reported', async t => {
  const at = { bytes: 40, rest: 17 }
  t.strictSame(read(frames.done({ reason: 'complete', finishReason: null, bytes: 40, sha256: 'abc' }, at)),
    { event: 'done', id: '40.17.end', data: { reason: 'complete', finishReason: null, bytes: 40, sha256: 'abc' } })
  const usage = { inputTokens: 3, outputTokens: 5 }
  t.strictSame(read(frames.done({ reason: 'length', finishReason: 'length', bytes: 40, sha256: 'abc', usage, model: 'm' }, { bytes: 40, rest: 0 })),
    { event: 'done', id: '40.end', data: { reason: 'length', finishReason: 'length', bytes: 40, sha256: 'abc', usage, model: 'm' } })
  t.match(read(frames.error(new GatewayError('idle_timeout'), at)), { event: 'error', id: '40.17.end', data: { errorType: 'idle_timeout', bytes: 40 } })
})

test('a reader that is to come back keeps the id that it has', async t => {
  t.strictSame(read(frames.reconnect({ bytes: 40, rest: 17 })), { event: 'reconnect', id: undefined, data: { after: 40 } })
})

test('only a whole answer is complete', async t => {
  t.equal(frames.reasonOf(null), 'complete')
  t.equal(frames.reasonOf('stop'), 'complete')
  t.equal(frames.reasonOf('length'), 'length')
  t.equal(frames.reasonOf('content_filter'), 'filtered')
})
