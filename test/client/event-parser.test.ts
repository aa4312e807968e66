import { deepStrictEqual } from 'node:assert/strict'
import { createParser } from 'eventsource-parser'
import fc from 'fast-check'
import { test } from 'tap'
import { EventParser, type RawEvent } from '../../client/event-parser.ts'

/** The events of a wire format that arrives cut at the given places. */
function read (wire: Buffer, cuts: number[] = []): RawEvent[] {
  const places = [...new Set([0, ...cuts.map(cut => cut % (wire.length + 1)), wire.length])].sort((a, b) => a - b)
  const parser = new EventParser()
  return places.slice(1).flatMap((end, index) => parser.push(wire.subarray(places[index], end)))
}

/** What another parser reads, the wire in one piece. */
function readByOther (wire: Buffer): RawEvent[] {
  const events: RawEvent[] = []
  const parser = createParser({ onEvent: ({ event = 'message', id, data }) => events.push({ event, id, data }) })
  // It holds a carriage return at the end back, in case a newline follows, and reads the same behind a comment.
  parser.feed(new TextDecoder().decode(wire) + ':')
  return events
}

const lines = fc.array(fc.oneof(
  fc.constantFrom('', '', 'data', 'data:', 'data: x', 'data:  x', 'event: delta', 'event:', 'id: 7', 'id', 'id: a\0b', 'retry: 5', ': keep-alive', 'unknown: x', 'data: ä€🌍', ' data: x', 'data : x'),
  fc.string({ unit: 'binary', maxLength: 8 }).map(text => `data: ${text}`)
).chain(line => fc.constantFrom('\n', '\n', '\r', '\r\n').map(end => line + end)), { maxLength: 20 })

test('whatever is sent and wherever it is cut, it reads what eventsource-parser reads from the whole', async t => {
  fc.assert(fc.property(lines, fc.array(fc.nat(), { maxLength: 20 }), (all, cuts) => {
    const wire = Buffer.from(all.join('').toWellFormed())
    deepStrictEqual(read(wire, cuts), readByOther(wire))
  }), { seed: 26, numRuns: 500 })
  t.pass()
})

test('and every byte alone', async t => {
  const wire = Buffer.from('\uFEFFevent: delta\r\nid: 5\r\ndata: ä€🌍\r\n\r\n: keep-alive\ndata: 1\ndata: 2\n\n')
  t.strictSame(read(wire, [...wire.keys()]), [{ event: 'delta', id: '5', data: 'ä€🌍' }, { event: 'message', id: undefined, data: '1\n2' }])
})

test('an event without its empty line never happened', async t => {
  t.strictSame(read(Buffer.from('data: whole\n\ndata: half\n')), [{ event: 'message', id: undefined, data: 'whole' }])
})
