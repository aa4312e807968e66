import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import { test } from 'tap'
import { GatewayError } from '../../../../lib/errors.ts'
import { MemoryStore } from '../../../../lib/streams/memory/store.ts'
import type { LiveRecording, Reading } from '../../../../lib/streams/recording.ts'
import { testRecordingStore } from '../contract.ts'
import { append, begun, forever, idle, reasoning, text, told, tool, until } from '../recorded.ts'

const bounds = { ttl: 60_000, maxBytes: 1_000_000, maxRecordingBytes: 100_000 }

testRecordingStore('in memory', async (_t, changed) => new MemoryStore({ ...bounds, ...changed }))

test('closed, it has forgotten everything', async t => {
  const store = new MemoryStore(bounds)
  const finished = await begun(store)
  await finished.finish({ finishReason: null })
  const live = await begun(store)
  await store.close()
  t.equal(await store.find(finished.id, 'me'), undefined)
  t.equal(await store.find(live.id, 'me'), undefined)
})

test('what is recorded is counted, and given back when it is forgotten', async t => {
  const store = new MemoryStore({ ...bounds, ttl: 10 })
  const recording = await begun(store)
  await append(recording, text('12345'), text('67'))
  t.equal(store.bytes, 7, 'text is counted as it is')
  await append(recording, reasoning('8'), tool('a'))
  const more = Buffer.byteLength(JSON.stringify(tool('a')))
  t.equal(store.bytes, 8 + more + 2 * 80, 'and each change of type once more')
  await recording.finish({ finishReason: null })
  t.equal(store.bytes, 8 + more + 2 * 80)
  await until(() => store.bytes === 0)
})

test('many recordings without a byte cost something, too', async t => {
  const store = new MemoryStore({ ...bounds, maxBytes: 20_480 })
  const all = []
  for (let index = 0; index < 110; index++) all.push(await store.create('me', idle))
  t.equal(store.bytes, 20_480)
  await t.rejects(store.create('me', idle), new GatewayError('overloaded'))
  for (const recording of all) await recording.fail(new GatewayError('timeout'))
  const another = await store.create('me', idle)
  t.ok(await store.find(another.id, 'me'))
  t.equal(await store.find(all[100]?.id ?? '', 'me'), undefined, 'the first that cost something went for it')
})

test('a writer that waits for a slow reader can be told to give up', async t => {
  const store = new MemoryStore({ ...bounds, maxBytes: 4 })
  const recording = await begun(store)
  await append(recording, text('1234'))
  const reading = await recording.read({ bytes: 0 }, forever)
  const stopping = new AbortController()
  const waiting = recording.append(text('5'), stopping.signal)
  stopping.abort(new GatewayError('stopped'))
  await t.rejects(waiting, new GatewayError('stopped'))
  await recording.fail(new GatewayError('stopped'))
  const seen: string[] = []
  await t.rejects((async () => { for await (const { bytes } of reading.parts) seen.push(String(bytes)) })(), new GatewayError('stopped'))
  t.strictSame(seen, ['1234'])
  t.equal(store.bytes, 0)
})

test('a reader that waits for the beginning misses nothing of an answer that loses its room to others', async t => {
  const store = new MemoryStore({ ...bounds, maxBytes: 5000 })
  for (let index = 0; index < 100; index++) await store.create('you', idle)
  let dropped = 0
  const mine = await store.create('me', { ...idle, dropped: () => { dropped++ } })
  await store.create('me', idle)
  const reading = mine.read({ bytes: 0 }, forever)
  await store.create('you', idle)
  t.equal(dropped, 1)
  t.equal(store.bytes, 4096)
  await mine.begin({ delivery: 'stream' })
  const written = append(mine, text('one '), text('two'))
  const read = told(await reading)
  await written
  await mine.finish({ finishReason: null })
  t.equal(await read, 'one two')
})

test('whoever asks and leaves, the bound holds, and what is found is whole', async t => {
  const step = fc.record({ owner: fc.constantFrom('a', 'b', 'c'), what: fc.constantFrom('create', 'append', 'append', 'append', 'read', 'leave', 'finish', 'fail'), which: fc.nat(), size: fc.integer({ min: 1, max: 400 }) })
  await fc.assert(fc.asyncProperty(fc.integer({ min: 1, max: 1000 }), fc.array(step, { maxLength: 60 }), async (maxBytes, steps) => {
    const store = new MemoryStore({ ...bounds, maxBytes })
    const all: Array<{ owner: string, recording: LiveRecording, written: Buffer[], over: boolean, readings: Reading[] }> = []
    for (const { owner, what, which, size } of steps) {
      const mine = all.filter(one => one.owner === owner)
      const one = mine.at(which % mine.length)
      if (what === 'create') {
        await begun(store, idle, owner).then(recording => all.push({ owner, recording, written: [], over: false, readings: [] }), error => t.match(error, { errorType: 'overloaded' }))
      } else if (one && what === 'read') {
        await one.recording.read({ bytes: 0 }, forever).then(reading => one.readings.push(reading), error => t.match(error, { errorType: 'not_found' }))
      } else if (one && what === 'leave') {
        one.readings.pop()?.parts.destroy()
      } else if (one && !one.over && what === 'append') {
        const bytes = Buffer.alloc(size, all.length)
        one.written.push(bytes)
        // It may wait for a reader that never reads.
        const giveUp = new AbortController()
        const appended = one.recording.append({ type: 'text', bytes }, giveUp.signal)
        await setImmediate()
        giveUp.abort(new GatewayError('stopped'))
        if (!await appended.then(() => true, () => false)) {
          one.over = true
          await one.recording.fail(new GatewayError('stopped'))
        }
      } else if (one && !one.over && what !== 'append') {
        one.over = true
        await (what === 'fail' ? one.recording.fail(new GatewayError('timeout')) : one.recording.finish({ finishReason: null }))
      }
      if (store.bytes > maxBytes) throw new Error(`${store.bytes} bytes of ${maxBytes}`)
    }
    for (const { owner, recording, written, readings } of all) {
      const found = await store.find(recording.id, owner)
      if (!found) continue
      t.equal((await found.summary()).bytes, Buffer.concat(written).length)
      const { parts } = await found.read({ bytes: 0 }, forever)
      const have: Buffer[] = []
      parts.on('data', ({ bytes }) => have.push(bytes)).on('error', () => {})
      await setImmediate()
      t.ok(Buffer.concat(have).equals(Buffer.concat(written)))
      for (const { parts } of readings) parts.destroy()
      parts.destroy()
    }
    for (const { recording } of all) await recording.fail(new GatewayError('timeout'))
    await store.close()
  }), { seed: 20_261_125, numRuns: 150 })
})
