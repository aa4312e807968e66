import { once } from 'node:events'
import { Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { test } from 'tap'
import { type Answer, type Ending, type Part, START } from '../../../lib/answer/answer.ts'
import { GatewayError } from '../../../lib/errors.ts'
import { type LiveAnswer, record } from '../../../lib/streams/live.ts'
import { MemoryStore } from '../../../lib/streams/memory/store.ts'
import { forever, partsOf, reasoning, text, told, tool, until } from './recorded.ts'

const start = { bytes: 0 }
const storeOf = (maxBytes = 1_000_000, maxRecordingBytes = 100_000): MemoryStore => new MemoryStore({ ttl: 60_000, maxBytes, maxRecordingBytes })

/** An answer as a service tells it: `stream` of bytes or of parts. */
const answerOf = (stream: Readable): Answer => {
  const head = { delivery: 'stream', model: 'm', service: 'http://copilot', offset: START, ending: (): Ending => ({ finishReason: 'stop' }) } as const
  return stream.readableObjectMode ? { ...head, parts: stream } : { ...head, body: stream }
}

/** A stream that gives what is pushed into it. */
const open = (objectMode: boolean): Readable => new Readable({ objectMode, read () {} })

/** Records what a stream gives; `dropped` says how often there was no room. */
async function recorded (store: MemoryStore, stream: Readable, grace = 60_000): Promise<LiveAnswer & { dropped: () => number }> {
  let dropped = 0
  const answer = await record(store, {
    owner: 'me',
    names: { chat: 'c' },
    grace,
    maxDuration: 60_000,
    ask: async signal => {
      signal.addEventListener('abort', () => stream.destroy(signal.reason))
      return answerOf(stream)
    },
    onDropped: () => { dropped++ }
  })
  return { ...answer, dropped: () => dropped }
}

test('parts are recorded in their order, with their ending, and what the answer is found by', async t => {
  const store = storeOf()
  const stream = open(true)
  const { recording, over } = await recorded(store, stream)
  t.equal((await store.findRunning('c', 'me'))?.id, recording.id)
  const parts: Part[] = [reasoning('hm'), tool('a', 'running'), tool('a'), text('Hello'), reasoning('ok')]
  for (const part of parts) stream.push(part)
  stream.push(null)
  t.equal(await over, undefined)
  const reading = await recording.read(start, forever)
  t.strictSame(await partsOf(reading), parts)
  t.strictSame(reading.ending(), { finishReason: 'stop' })
  t.equal(reading.service, 'http://copilot')
})

test('a character that comes in pieces is recorded whole, whatever comes in between, and one that is never whole as it is', async t => {
  const stream = open(true)
  const { recording, over } = await recorded(storeOf(), stream)
  const [first, rest] = [Buffer.from('🌍').subarray(0, 2), Buffer.from('🌍').subarray(2)]
  for (const part of [text(first), reasoning(first), tool('a'), text(rest), reasoning(rest), reasoning(first), text(first)]) stream.push(part)
  stream.push(null)
  await over
  t.strictSame(await partsOf(await recording.read(start, forever)), [tool('a'), text('🌍'), reasoning(Buffer.concat([Buffer.from('🌍'), first])), text(first)])
})

test('what arrived before a failure is recorded', async t => {
  const stream = open(false)
  const { recording, over } = await recorded(storeOf(), stream)
  const reading = await recording.read(start, forever)
  reading.parts.on('error', () => {}).once('data', () => stream.destroy(new GatewayError('idle_timeout')))
  stream.push('half')
  t.match(await over, { errorType: 'idle_timeout' })
  const seen: string[] = []
  await t.rejects((async () => { for await (const { bytes } of (await recording.read(start, forever)).parts) seen.push(String(bytes)) })(), new GatewayError('idle_timeout'))
  t.strictSame(seen, ['half'])
})

test('a stream that is closed without an end or a failure is no whole answer', async t => {
  const stream = open(false)
  const { over } = await recorded(storeOf(), stream)
  stream.push('half')
  await setImmediate()
  stream.destroy()
  t.match(await over, { errorType: 'internal' })
})

test('an answer that is too large gives the service up', async t => {
  const stream = open(false)
  const { over } = await recorded(storeOf(1_000_000, 5), stream)
  const closed = once(stream, 'close')
  for (const chunk of ['12345', '6', '7']) stream.push(chunk)
  t.match(await over, { errorType: 'answer_too_large' })
  await closed
})

test('kept no longer, an answer goes on as fast as its reader takes it, and no faster', async t => {
  const stream = open(false)
  const { recording, over, dropped } = await recorded(storeOf(4), stream)
  const reading = await recording.read(start, forever)
  for (const chunk of ['1234', '5', '6', '7', '8']) stream.push(chunk)
  await until(() => dropped() === 1)
  await until(() => stream.isPaused())
  t.ok(stream.readableLength > 0, 'the service is held back')
  stream.push(null)
  t.equal(await told(reading), '12345678')
  t.equal(await over, undefined)
})

test('kept no longer, an answer is given up with its last reader', async t => {
  const stream = open(false)
  const { recording, over, dropped } = await recorded(storeOf(4), stream)
  const reading = await recording.read(start, forever)
  const read = once(reading.parts, 'data')
  stream.push('12345')
  await read
  t.equal(dropped(), 1)
  reading.parts.destroy()
  t.match(await over, { errorType: 'abandoned' })
  t.ok(stream.destroyed)
})

test('one that nobody reads when there is no more room is given up at once', async t => {
  const stream = open(false)
  const { recording, over } = await recorded(storeOf(4), stream)
  const reading = await recording.read(start, forever)
  stream.push('1234')
  await once(reading.parts, 'data')
  reading.parts.destroy()
  await once(reading.parts, 'close')
  stream.push('5')
  t.match(await over, { errorType: 'abandoned' })
})

test('a stop ends an answer that its reader holds back', async t => {
  const stream = open(false)
  const { recording, over, dropped } = await recorded(storeOf(4), stream)
  const reading = await recording.read(start, forever)
  for (const chunk of ['1234', '5', '6']) stream.push(chunk)
  await until(() => dropped() === 1)
  await recording.stop()
  t.match(await over, { errorType: 'stopped' })
  await t.rejects(told(reading), new GatewayError('stopped'))
})

test('a writer that has lost its lease gives the service up, and its readers are told why', async t => {
  const stream = open(false)
  const store = storeOf()
  const lost = new GatewayError('draining')
  let lose = (): void => {}
  // A store that others share; the one of a process never says so.
  const create = store.create.bind(store)
  store.create = async (owner, writer, names) => {
    lose = () => writer.lost(lost)
    return await create(owner, writer, names)
  }
  const { recording, over } = await recorded(store, stream)
  const reading = await recording.read(start, forever)
  const failed = t.rejects(told(reading), lost)
  const closed = new Promise(resolve => stream.once('close', resolve))
  stream.push('half')
  await until(async () => (await recording.summary()).bytes === 4)
  lose()
  t.equal(await over, lost)
  await closed
  await failed
})
