import { createHash } from 'node:crypto'
import { PassThrough, Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { createParser, type EventSourceMessage } from 'eventsource-parser'
import fc from 'fast-check'
import { test } from 'tap'
import { GatewayError } from '../../../lib/errors.ts'
import { EventStream, type EventSource } from '../../../lib/sse/event-stream.ts'

const HOUR = 3_600_000
const start = { requestId: 'r', delivery: 'stream' } as const

/** Everything that a parser of the standard reads out of an event stream. */
function parse (wire: string): EventSourceMessage[] {
  const messages: EventSourceMessage[] = []
  createParser({ onEvent: message => messages.push(message) }).feed(wire)
  return messages
}

/** The events of an answer as a reader gets them, data parsed. */
async function eventsOf (source: Partial<EventSource> & { body: Readable }): Promise<Array<{ event: string | undefined, id?: string | undefined, data: Record<string, unknown> }>> {
  const events = new EventStream(HOUR)
  events.tell({ start, ...source })
  return parse(await text(events)).map(({ event, id, data }) => ({ event, ...(id !== undefined && { id }), data: JSON.parse(data) }))
}

const sha256 = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex')

test('whatever the text and however it is cut, a reader puts the same bytes together again', async t => {
  const pieces = fc.array(fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('\n', '\r', '\r\n', '\n\n', '\u2028', 'data: x\n\n', ': c\n', '🌍')), { maxLength: 12 })
  await fc.assert(fc.asyncProperty(pieces, fc.array(fc.nat(), { maxLength: 12 }), async (texts, cuts) => {
    const bytes = Buffer.from(texts.join('').toWellFormed())
    const places = [...new Set([0, ...cuts.map(cut => cut % (bytes.length + 1)), bytes.length])].sort((a, b) => a - b)
    const chunks = places.slice(1).map((end, index) => bytes.subarray(places[index], end)).filter(({ length }) => length > 0)

    const events = await eventsOf({ body: Readable.from(chunks) })

    const deltas = events.filter(({ event }) => event === 'delta')
    const read = deltas.map(({ data }) => data.text).join('')
    const ids = deltas.map(({ id }) => Number(id))
    return Buffer.from(read).equals(bytes) &&
      ids.every((id, index) => id === Buffer.byteLength(deltas.slice(0, index + 1).map(({ data }) => data.text).join(''))) &&
      events.at(0)?.event === 'start' && events.filter(({ event }) => event === 'done').length === 1 && events.at(-1)?.event === 'done' &&
      events.at(-1)?.data.bytes === bytes.length && events.at(-1)?.data.sha256 === sha256(bytes)
  }), { numRuns: 200 })
  t.pass()
})

test('a chunk is a delta, at once', async t => {
  const body = new PassThrough()
  const events = new EventStream(HOUR)
  events.tell({ start: { ...start, streamId: 's', model: 'm' }, body })
  events.setEncoding('utf8')
  const next = async (): Promise<string> => (await events[Symbol.asyncIterator]().next()).value
  t.equal(await next(), 'event: start\ndata: {"requestId":"r","delivery":"stream","streamId":"s","model":"m"}\n\n')
  events.destroy()
  t.ok(body.destroyed, 'and who reads no more destroys the answer')
})

test('an answer that fails ends with an error, and cleanly', async t => {
  const body = new PassThrough()
  body.write('half')
  setImmediate(() => body.destroy(new GatewayError('idle_timeout')))
  t.match(await eventsOf({ body }), [
    { event: 'start' },
    { event: 'delta', id: '4', data: { text: 'half' } },
    { event: 'error', data: { errorType: 'idle_timeout', status: 504, message: /fell silent/, retryable: true, bytes: 4 } }
  ])
})

test('bytes that are no UTF-8 are an error, not another text', async t => {
  const events = await eventsOf({ body: Readable.from([Buffer.from([0x61]), Buffer.from([0xff, 0x61])]) })
  t.match(events.at(-1), { event: 'error', data: { errorType: 'bad_reply', bytes: 1 } })
  t.equal(events.length, 3)
})

test('a text that ends within a character is an error', async t => {
  const events = await eventsOf({ body: Readable.from([Buffer.from([0x61, 0xf0, 0x9f])]) })
  t.match(events.at(-1), { event: 'error', data: { errorType: 'bad_reply', bytes: 1 } })
})

test('a reading from the middle counts from there and ends with the digest of the whole', async t => {
  const summary = () => ({ bytes: 8, sha256: 'abc' })
  t.strictSame((await eventsOf({ body: Readable.from([Buffer.from('tail')]), offset: 4, summary })).slice(1), [
    { event: 'delta', id: '8', data: { text: 'tail' } },
    { event: 'done', id: '8.end', data: { reason: 'complete', finishReason: null, bytes: 8, sha256: 'abc' } }
  ])
})

test('a resumable answer that was stopped is done, and one whose gateway drains is to be read on elsewhere', async t => {
  const summary = () => ({ bytes: 4, sha256: 'abc' })
  const failing = (error: Error): Readable => {
    const body = new PassThrough()
    body.write('half')
    setImmediate(() => body.destroy(error))
    return body
  }
  t.strictSame((await eventsOf({ body: failing(new GatewayError('stopped')), summary })).at(-1), { event: 'done', id: '4.end', data: { reason: 'stopped', finishReason: null, bytes: 4, sha256: 'abc' } })
  t.strictSame((await eventsOf({ body: failing(new GatewayError('draining')), summary })).at(-1), { event: 'reconnect', data: { after: 4 } })
  t.match((await eventsOf({ body: failing(new GatewayError('draining')) })).at(-1), { event: 'error', data: { errorType: 'draining' } })
})

test('while nothing is said, comments show that it is alive; no parser takes them for an event', async t => {
  const events = new EventStream(5)
  events.open()
  let wire = ''
  for await (const chunk of events) {
    wire += chunk
    if (wire.split(': keep-alive\n').length > 3) break
  }
  t.match(wire, /^(: keep-alive\n)+$/)
  t.strictSame(parse(wire + '\n'), [])
})

test('to a reader that is behind, no comments pile up', async t => {
  const events = new EventStream(1)
  events.tell({ start, body: new PassThrough() })
  await new Promise(resolve => setTimeout(resolve, 20))
  t.notMatch(String(events.read()), /keep-alive/)
  events.destroy()
})

test('an answer that comes for a reader who is gone is let go of', async t => {
  const events = new EventStream(HOUR)
  events.destroy()
  const body = new PassThrough()
  events.tell({ start, body })
  t.ok(body.destroyed)
})

test('nothing follows the end', async t => {
  const events = new EventStream(HOUR)
  events.fail(new GatewayError('timeout'))
  events.fail(new GatewayError('connection'))
  t.match(parse(await text(events)), [{ event: 'error', data: /timeout/ }])
})

test('a slow reader holds the answer back', async t => {
  let made = 0
  const body = new Readable({ highWaterMark: 1024, read () { this.push(Buffer.alloc(1024, 'x')); made++ } })
  const events = new EventStream(HOUR)
  events.tell({ start, body })
  await new Promise(resolve => setImmediate(resolve))
  const before = made
  await new Promise(resolve => setImmediate(resolve))
  t.equal(made, before, 'nothing is made that nobody takes')
  t.ok(made < 100)
  events.read()
  await new Promise(resolve => setImmediate(resolve))
  t.ok(made > before, 'and it goes on when somebody does')
  events.destroy()
})
