import { test } from 'tap'
import { parseEventId } from '../../../lib/sse/event-id.ts'

test('an id is a number of bytes, the rest when there is any, and whether it was the last', async t => {
  t.strictSame(parseEventId('0'), { from: { bytes: 0 }, end: false })
  t.strictSame(parseEventId('40'), { from: { bytes: 40 }, end: false })
  t.strictSame(parseEventId('40.17'), { from: { bytes: 40, rest: 17 }, end: false })
  t.strictSame(parseEventId('40.0'), { from: { bytes: 40, rest: 0 }, end: false })
  t.strictSame(parseEventId('40.end'), { from: { bytes: 40 }, end: true })
  t.strictSame(parseEventId('40.17.end'), { from: { bytes: 40, rest: 17 }, end: true })
})

test('anything else is none', async t => {
  for (const id of ['', 'x', '-1', '1.', '.1', '1.2.3', '1.end.', 'end', '.end', '1 ', '1e3', '٤', '1.END', '1'.repeat(16)]) t.equal(parseEventId(id), undefined, id)
})
