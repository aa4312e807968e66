import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { GatewayError, ReportedError } from '../../../lib/errors.ts'
import type { LiveRecording, RecordingStore, Writer } from '../../../lib/streams/recording.ts'
import { append, begun, forever, idle, partsOf, reasoning, text, told, tool, until } from './recorded.ts'
import { testTapes } from './tapes.ts'

/** Bounds that the contract's tests set; any store can be made with them. */
export interface Bounds { readonly ttl?: number, readonly maxBytes?: number, readonly maxRecordingBytes?: number }

const whole = { finishReason: null } as const
const start = { bytes: 0 }

/** What every store of recordings has to do. `make` makes an empty store with the given bounds. */
export function testRecordingStore (name: string, make: (t: Test, bounds: Bounds) => Promise<RecordingStore>): void {
  testTapes(name, make)

  test(`${name}: what is recorded is read, then what comes, to the end`, async t => {
    const recording = await begun(await make(t, {}))
    await append(recording, text('one '))
    const reading = await recording.read(start, forever)
    t.match(reading, { delivery: 'stream', model: 'm', service: 'http://copilot', offset: { bytes: 0, rest: 0 } })
    const read = told(reading)
    await append(recording, text('two '))
    await setImmediate()
    await append(recording, text('three'))
    const ending = { finishReason: 'stop', usage: { inputTokens: 1, outputTokens: 2 }, model: 'n' } as const
    await recording.finish(ending)
    t.equal(await read, 'one two three')
    const summary = { bytes: 13, sha256: createHash('sha256').update('one two three').digest('hex') }
    t.strictSame(reading.summary(), summary)
    t.strictSame(await recording.summary(), summary)
    t.strictSame(reading.ending(), ending)
    t.equal(await told(await recording.read({ bytes: 4 }, forever)), 'two three')
    t.equal(await told(await recording.read({ bytes: 13 }, forever)), '')
  })

  test(`${name}: parts keep their order, and the summary is of text alone`, async t => {
    const recording = await begun(await make(t, {}))
    const parts = [reasoning('hm'), tool('a', 'running'), tool('a'), text('Hel'), text('lo'), tool('b', 'failed'), reasoning('so'), text('!')]
    await append(recording, ...parts)
    await recording.finish(whole)
    const reading = await recording.read(start, forever)
    t.strictSame(await partsOf(reading), [reasoning('hm'), tool('a', 'running'), tool('a'), text('Hello'), tool('b', 'failed'), reasoning('so'), text('!')])
    t.strictSame(reading.summary(), { bytes: 6, sha256: createHash('sha256').update('Hello!').digest('hex') })
  })

  test(`${name}: without a rest, a reading begins where that much text is told first`, async t => {
    const recording = await begun(await make(t, {}))
    await append(recording, reasoning('ab'), text('one'), tool('a'), text('two'))
    await recording.finish(whole)
    for (const [bytes, rest, left] of [[0, 0, '[reasoning ab]one'], [1, 2, 'ne'], [3, 2, '']] as const) {
      const reading = await recording.read({ bytes }, forever)
      t.strictSame(reading.offset, { bytes, rest })
      t.match(await told(reading), new RegExp(`^${left.replaceAll(/[[\]]/g, '\\$&')}\\[tool .*\\]two$`))
    }
    t.strictSame((await recording.read({ bytes: 3, rest: 3 }, forever)).offset, { bytes: 3, rest: 3 })
    for (const from of [{ bytes: 1, rest: 1 }, { bytes: 3, rest: 4 }, { bytes: 6, rest: 2 }]) await t.rejects(recording.read(from, forever), new GatewayError('past_the_end'))
  })

  test(`${name}: a reading from within a character begins with the character`, async t => {
    const recording = await begun(await make(t, {}))
    await append(recording, reasoning('é'), text('a🌍b'))
    await recording.finish(whole)
    for (const [offset, from] of [[1, 1], [2, 1], [3, 1], [4, 1], [5, 5], [6, 6]] as const) {
      const reading = await recording.read({ bytes: offset }, forever)
      t.strictSame(reading.offset, { bytes: from, rest: 2 })
      t.strictSame(Buffer.from(await told(reading), 'latin1'), Buffer.from('a🌍b').subarray(from))
    }
    t.strictSame((await recording.read({ bytes: 0, rest: 1 }, forever)).offset, { bytes: 0, rest: 0 })
  })

  test(`${name}: a reading in bytes begins with the very byte`, async t => {
    const recording = await begun(await make(t, {}))
    const bytes = Buffer.from('a🌍b')
    await append(recording, text(bytes))
    await recording.finish(whole)
    for (let offset = 0; offset <= bytes.length; offset++) {
      const reading = await recording.read({ bytes: offset }, forever, 'bytes')
      t.strictSame(reading.offset, { bytes: offset, rest: 0 })
      t.strictSame(Buffer.from(await told(reading), 'latin1'), bytes.subarray(offset))
    }
  })

  test(`${name}: readings wait for the beginning`, async t => {
    const recording = await (await make(t, {})).create('me', idle)
    const reading = recording.read(start, forever)
    await recording.begin({ delivery: 'buffered' })
    await append(recording, text('x'))
    await recording.finish(whole)
    t.equal((await reading).delivery, 'buffered')
    t.equal(await told(await reading), 'x')
  })

  test(`${name}: an answer that failed fails its readings, after what there is of it`, async t => {
    const recording = await begun(await make(t, {}))
    await append(recording, text('half'))
    const live = await recording.read(start, forever)
    const seen: string[] = []
    live.parts.on('data', ({ bytes }) => seen.push(String(bytes)))
    const failed = new Promise(resolve => live.parts.once('error', resolve))
    await until(() => seen.length > 0)
    await recording.fail(new GatewayError('idle_timeout'))
    t.match(await failed, { errorType: 'idle_timeout' })

    const late = await recording.read(start, forever)
    const parts: string[] = []
    await t.rejects((async () => { for await (const { bytes } of late.parts) parts.push(String(bytes)) })(), new GatewayError('idle_timeout'))
    t.strictSame([seen, parts], [['half'], ['half']])
  })

  test(`${name}: what the service called its failure is kept`, async t => {
    const recording = await begun(await make(t, {}))
    await recording.fail(new ReportedError('sdk', 'Out of tokens'))
    await t.rejects(told(await recording.read(start, forever)), { errorType: 'sdk', message: 'Out of tokens', status: 500, ended: 'upstream_failed' })
  })

  test(`${name}: an answer that fails before it begins fails who waits for it and who comes later`, async t => {
    const recording = await (await make(t, {})).create('me', idle)
    const waiting = recording.read(start, forever)
    await recording.fail(new GatewayError('timeout'))
    await t.rejects(waiting, new GatewayError('timeout'))
    await t.rejects(recording.read(start, forever), new GatewayError('timeout'))
  })

  test(`${name}: who waits for the beginning can leave`, async t => {
    const recording = await (await make(t, {})).create('me', idle)
    const leaving = new AbortController()
    const waiting = recording.read(start, leaving.signal)
    leaving.abort(new GatewayError('draining'))
    await t.rejects(waiting, new GatewayError('draining'))
    await t.rejects(recording.read(start, leaving.signal), new GatewayError('draining'))
  })

  test(`${name}: an offset that is not recorded yet is refused`, async t => {
    const recording = await begun(await make(t, {}))
    await t.rejects(recording.read({ bytes: 1 }, forever), new GatewayError('past_the_end'))
    await append(recording, text('four'))
    await t.rejects(recording.read({ bytes: 5 }, forever), { errorType: 'past_the_end', message: /5 is past the 4 bytes there are/ })
    await recording.finish(whole)
    await t.rejects(recording.read({ bytes: 5 }, forever), new GatewayError('past_the_end'))
  })

  test(`${name}: only its owner finds a recording, by an id that nobody can guess`, async t => {
    const store = await make(t, {})
    const recording = await store.create('me', idle)
    const other = await store.create('me', idle)
    t.equal((await store.find(recording.id, 'me'))?.id, recording.id)
    t.equal(await store.find(recording.id, 'you'), undefined)
    t.equal(await store.find('nothing', 'me'), undefined)
    t.not(recording.id, other.id)
    t.match(recording.id, /^[\w-]{22,}$/, '128 bits or more')
  })

  test(`${name}: the writer is told how many read`, async t => {
    const readers: number[] = []
    const recording = await begun(await make(t, {}), { ...idle, watched: count => readers.push(count) })
    const first = await recording.read(start, forever)
    const second = await recording.read(start, forever)
    await recording.read({ bytes: 99 }, forever).catch(() => {})
    first.parts.destroy()
    second.parts.destroy()
    await until(() => readers.at(-1) === 0)
    t.strictSame(readers, [1, 2, 3, 2, 1, 0])
    await recording.finish(whole)
    await told(await recording.read(start, forever))
    t.equal(readers.length, 6, 'and nothing once the answer is over')
  })

  test(`${name}: a stop reaches the writer, resolves when the answer is over, and may be asked for again`, async t => {
    const store = await make(t, {})
    const recording: LiveRecording = await begun(store, { ...idle, stop: () => { setImmediate().then(() => recording.fail(new GatewayError('stopped')), t.threw) } })
    const found = await store.find(recording.id, 'me')
    const reading = await recording.read(start, forever)
    const failed = t.rejects(told(reading), new GatewayError('stopped'))
    t.equal(await found?.isOver(), false)
    await found?.stop()
    await failed
    t.equal(await found?.isOver(), true)
    await found?.stop()
    await recording.fail(new GatewayError('timeout'))
    await t.rejects(told(await recording.read(start, forever)), new GatewayError('stopped'), 'the first end counts')
  })

  test(`${name}: nothing is recorded past a recording's bound`, async t => {
    const recording = await begun(await make(t, { maxRecordingBytes: 8 }))
    await append(recording, text('12345678'))
    await t.rejects(recording.append(text('9'), forever), new GatewayError('answer_too_large'))
    await append(recording, text(''))
    await recording.finish(whole)
    t.equal(await told(await recording.read(start, forever)), '12345678')
  })

  test(`${name}: an answer for which there is no room is refused`, async t => {
    const store = await make(t, { maxBytes: 8 })
    const recording = await begun(store)
    await append(recording, text('12345678'))
    await t.rejects(store.create('me', idle), new GatewayError('overloaded'))
    await recording.finish(whole)
    t.equal(await told(await recording.read(start, forever)), '12345678', 'the other is left alone')
  })

  test(`${name}: one that has no more room goes on to its readers, and nobody finds it`, async t => {
    const store = await make(t, { maxBytes: 8 })
    let dropped = 0
    const recording = await begun(store, { ...idle, dropped: () => { dropped++ } })
    await append(recording, text('12345678'))
    const read = told(await recording.read(start, forever))
    await append(recording, text('9'), text('10'))
    await recording.finish(whole)
    t.equal(await read, '12345678910')
    t.equal(dropped, 1)
    t.equal(await store.find(recording.id, 'me'), undefined)
    await t.rejects(recording.read(start, forever), new GatewayError('not_found'))
  })

  test(`${name}: a key is claimed once, whoever else asks at the same time`, async t => {
    const store = await make(t, {})
    const key = { value: 'k', question: 'q' }
    const claims = await Promise.all([1, 2, 3].map(async () => await store.claim('me', idle, key)))
    const created = claims.flatMap(claim => claim.outcome === 'created' ? claim.recording : [])
    t.strictSame(claims.map(({ outcome }) => outcome).sort(), ['created', 'found', 'found'])
    for (const claim of claims) t.equal('recording' in claim && claim.recording.id, created[0]?.id)
    t.equal((await store.claim('me', idle, { ...key, question: 'another' })).outcome, 'mismatch')
    t.equal((await store.claim('you', idle, key)).outcome, 'created', 'another owner\'s key is another key')

    await created[0]?.begin({ delivery: 'stream' })
    await created[0]?.finish({ finishReason: 'length' })
    t.equal((await store.claim('me', idle, key)).outcome, 'found', 'after its end as well')
    t.equal((await store.findKeyed(key.value, 'me'))?.id, created[0]?.id)
    t.equal(await store.findKeyed('another', 'me'), undefined)
  })

  test(`${name}: a failure frees the key of its answer, a stop does not`, async t => {
    const store = await make(t, {})
    for (const [errorType, outcome] of [['stopped', 'found'], ['idle_timeout', 'created']] as const) {
      const key = { value: errorType, question: 'q' }
      const claim = await store.claim('me', idle, key)
      if (claim.outcome === 'created') await claim.recording.fail(new GatewayError(errorType))
      t.equal((await store.claim('me', idle, key)).outcome, outcome)
    }
  })

  test(`${name}: the latest answer of a chat that is running is found by its owner`, async t => {
    const store = await make(t, {})
    const [first, second] = [await store.create('me', idle, { chat: 'c' }), await store.create('me', idle, { chat: 'c' })]
    await store.create('me', idle, { chat: 'another' })
    t.equal((await store.findRunning('c', 'me'))?.id, second.id)
    t.equal(await store.findRunning('c', 'you'), undefined)
    await second.finish(whole)
    t.equal((await store.findRunning('c', 'me'))?.id, first.id)
    await first.finish(whole)
    t.equal(await store.findRunning('c', 'me'), undefined)
  })

  test(`${name}: a finished recording is forgotten after its time, and its key with it`, async t => {
    const store = await make(t, { ttl: 20 })
    const key = { value: 'k', question: 'q' }
    const writer: Writer = { ...idle, dropped: () => t.fail('it is over') }
    const claim = await store.claim('me', writer, key)
    if (claim.outcome !== 'created') return t.fail('it was not created')
    const live = await begun(store)
    await claim.recording.begin({ delivery: 'stream' })
    await append(claim.recording, text('x'))
    const slow = await claim.recording.read(start, forever)
    await claim.recording.finish(whole)
    await until(async () => await store.find(claim.recording.id, 'me') === undefined)
    t.ok(await store.find(live.id, 'me'))
    t.equal((await store.claim('me', idle, key)).outcome, 'created')
    t.equal(await told(slow), 'x', 'who reads it already reads it to its end')
  })
}
