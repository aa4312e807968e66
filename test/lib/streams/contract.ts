import { createHash } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import { type Test, test } from 'tap'
import { GatewayError } from '../../../lib/errors.ts'
import type { Reading, Recording, RecordingStore, Writer } from '../../../lib/streams/recording.ts'

/** Bounds that the contract's tests set; any store can be made with them. */
export interface Bounds { readonly ttl?: number, readonly maxBytes?: number, readonly maxRecordingBytes?: number }

const forever = new AbortController().signal
const idle: Writer = { stop: () => {}, watched: () => {} }
const bytes = async ({ body }: Reading): Promise<string> => (await buffer(body)).toString()

/** Waits until something is so; the test's own timeout is the limit. */
async function until (so: () => Promise<boolean> | boolean): Promise<void> {
  while (!await so()) await setImmediate()
}

/** What every store of recordings has to do. `make` makes an empty store with the given bounds. */
export function testRecordingStore (name: string, make: (t: Test, bounds: Bounds) => Promise<RecordingStore>): void {
  const begun = async (store: RecordingStore, writer = idle): Promise<Recording> => {
    const recording = await store.create('me', writer)
    recording.begin({ delivery: 'stream', model: 'm' })
    return recording
  }

  test(`${name}: what is recorded is read, then what comes, to the end`, async t => {
    const recording = await begun(await make(t, {}))
    recording.append(Buffer.from('one '))
    const reading = await recording.read(0, forever)
    t.match(reading, { delivery: 'stream', model: 'm', offset: { bytes: 0 } })
    const read = bytes(reading)
    recording.append(Buffer.from('two '))
    await setImmediate()
    recording.append(Buffer.from('three'))
    recording.finish()
    t.equal(await read, 'one two three')
    t.strictSame(reading.summary(), { bytes: 13, sha256: createHash('sha256').update('one two three').digest('hex') })
    t.equal(await bytes(await recording.read(4, forever)), 'two three')
    t.equal(await bytes(await recording.read(13, forever)), '')
  })

  test(`${name}: wherever readers cut and go on, each reads the same bytes as one unbroken read`, async t => {
    const store = await make(t, {})
    const texts = fc.array(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }).map(text => text.toWellFormed()), { minLength: 1, maxLength: 10 })
    await fc.assert(fc.asyncProperty(texts, fc.array(fc.array(fc.nat(), { maxLength: 4 }), { minLength: 1, maxLength: 4 }), async (chunks, readers) => {
      const recording = await begun(store)
      const whole = Buffer.from(chunks.join(''))
      // Each reader takes up to each of its cuts in turn, from a connection of its own, while the answer is being written.
      const read = readers.map(async cuts => {
        let have = Buffer.alloc(0)
        for (const cut of [...cuts.map(cut => cut % (whole.length + 1)).sort((a, b) => a - b), Infinity]) {
          if (cut <= have.length) continue
          const { body, offset } = await recording.read(have.length, forever)
          have = have.subarray(0, offset.bytes)
          for await (const chunk of body) {
            have = Buffer.concat([have, chunk])
            if (have.length >= cut) {
              have = have.subarray(0, cut)
              break
            }
          }
        }
        return have
      })
      for (const chunk of chunks) {
        recording.append(Buffer.from(chunk))
        await setImmediate()
      }
      recording.finish()
      return (await Promise.all(read)).every(have => have.equals(whole))
    }), { numRuns: 60 })
    t.pass()
  })

  test(`${name}: a reading from within a character begins with the character`, async t => {
    const recording = await begun(await make(t, {}))
    recording.append(Buffer.from('a🌍b'))
    recording.finish()
    for (const [offset, from] of [[1, 1], [2, 1], [3, 1], [4, 1], [5, 5], [6, 6]] as const) {
      const reading = await recording.read(offset, forever)
      t.equal(reading.offset.bytes, from)
      t.equal(await bytes(reading), Buffer.from('a🌍b').subarray(from).toString())
    }
  })

  test(`${name}: a reading in bytes begins with the very byte`, async t => {
    const recording = await begun(await make(t, {}))
    const whole = Buffer.from('a🌍b')
    recording.append(whole)
    recording.finish()
    for (let offset = 0; offset <= whole.length; offset++) {
      const reading = await recording.read(offset, forever, 'bytes')
      t.equal(reading.offset.bytes, offset)
      t.strictSame(await buffer(reading.body), whole.subarray(offset))
    }
  })

  test(`${name}: readings wait for the beginning`, async t => {
    const recording = await (await make(t, {})).create('me', idle)
    const reading = recording.read(0, forever)
    recording.begin({ delivery: 'buffered' })
    recording.append(Buffer.from('x'))
    recording.finish()
    t.equal((await reading).delivery, 'buffered')
    t.equal(await bytes(await reading), 'x')
  })

  test(`${name}: an answer that failed fails its readings, after what there is of it`, async t => {
    const recording = await begun(await make(t, {}))
    recording.append(Buffer.from('half'))
    const live = await recording.read(0, forever)
    const seen: string[] = []
    live.body.on('data', chunk => seen.push(String(chunk)))
    const failed = new Promise(resolve => live.body.once('error', resolve))
    await until(() => seen.length > 0)
    recording.finish(new GatewayError('idle_timeout'))
    t.match(await failed, { errorType: 'idle_timeout' })

    const late = await recording.read(0, forever)
    const chunks: string[] = []
    await t.rejects((async () => { for await (const chunk of late.body) chunks.push(String(chunk)) })(), new GatewayError('idle_timeout'))
    t.strictSame([seen, chunks], [['half'], ['half']])
  })

  test(`${name}: an answer that fails before it begins fails who waits for it and who comes later`, async t => {
    const recording = await (await make(t, {})).create('me', idle)
    const waiting = recording.read(0, forever)
    recording.finish(new GatewayError('timeout'))
    await t.rejects(waiting, new GatewayError('timeout'))
    await t.rejects(recording.read(0, forever), new GatewayError('timeout'))
  })

  test(`${name}: who waits for the beginning can leave`, async t => {
    const recording = await (await make(t, {})).create('me', idle)
    const leaving = new AbortController()
    const waiting = recording.read(0, leaving.signal)
    leaving.abort(new GatewayError('draining'))
    await t.rejects(waiting, new GatewayError('draining'))
    await t.rejects(recording.read(0, leaving.signal), new GatewayError('draining'))
  })

  test(`${name}: an offset that is not recorded yet is refused`, async t => {
    const recording = await begun(await make(t, {}))
    recording.append(Buffer.from('four'))
    await t.rejects(recording.read(5, forever), new GatewayError('past_the_end'))
    recording.finish()
    await t.rejects(recording.read(5, forever), new GatewayError('past_the_end'))
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
    const recording = await begun(await make(t, {}), { stop: () => {}, watched: count => readers.push(count) })
    const first = await recording.read(0, forever)
    const second = await recording.read(0, forever)
    await recording.read(99, forever).catch(() => {})
    first.body.destroy()
    second.body.destroy()
    await until(() => readers.at(-1) === 0)
    t.strictSame(readers, [1, 2, 3, 2, 1, 0])
  })

  test(`${name}: a stop reaches the writer, resolves when the answer is over, and may be asked for again`, async t => {
    const store = await make(t, {})
    const recording: Recording = await begun(store, { stop: () => { setImmediate().then(() => recording.finish(new GatewayError('stopped')), t.threw) }, watched: () => {} })
    const found = await store.find(recording.id, 'me')
    const reading = await recording.read(0, forever)
    const failed = t.rejects(bytes(reading), new GatewayError('stopped'))
    await found?.stop()
    await failed
    await found?.stop()
    // The first end counts.
    recording.finish()
    await t.rejects(bytes(await recording.read(0, forever)), new GatewayError('stopped'))
  })

  test(`${name}: nothing is recorded past a recording's bound`, async t => {
    const recording = await begun(await make(t, { maxRecordingBytes: 8 }))
    recording.append(Buffer.from('12345678'))
    t.throws(() => recording.append(Buffer.from('9')), new GatewayError('answer_too_large'))
    recording.append(Buffer.alloc(0))
    recording.finish()
    t.equal(await bytes(await recording.read(0, forever)), '12345678')
  })

  test(`${name}: over the bound of all, the oldest that is finished goes first, and a live one never`, async t => {
    const store = await make(t, { maxBytes: 10 })
    const record = async (text: string, finish = true): Promise<Recording> => {
      const recording = await begun(store)
      recording.append(Buffer.from(text))
      if (finish) recording.finish()
      return recording
    }
    const there = async (recording: Recording): Promise<boolean> => await store.find(recording.id, 'me') !== undefined

    const live = await record('live', false)
    const oldest = await record('old')
    const newer = await record('new')
    t.strictSame(await Promise.all([live, oldest, newer].map(there)), [true, true, true])
    const newest = await record('more')
    t.strictSame(await Promise.all([live, oldest, newer, newest].map(there)), [true, false, false, true])

    live.append(Buffer.from('12345678'))
    t.notOk(await there(newest), 'a live answer takes the room of a finished one')
    await t.rejects(store.create('me', idle), new GatewayError('overloaded'))
    live.append(Buffer.from('9'))
    live.finish()
    t.equal(await bytes(await live.read(0, forever)), 'live123456789', 'undamaged')
    await store.create('me', idle)
    t.notOk(await there(live))
  })

  test(`${name}: a finished recording is forgotten after its time`, async t => {
    const store = await make(t, { ttl: 20 })
    const recording = await begun(store)
    recording.append(Buffer.from('x'))
    const live = await begun(store)
    recording.finish()
    await until(async () => await store.find(recording.id, 'me') === undefined)
    t.ok(await store.find(live.id, 'me'))
  })

  test(`${name}: closed, it has forgotten everything`, async t => {
    const store = await make(t, {})
    const finished = await begun(store)
    finished.finish()
    const live = await begun(store)
    await store.close()
    t.equal(await store.find(finished.id, 'me'), undefined)
    t.equal(await store.find(live.id, 'me'), undefined)
  })
}
