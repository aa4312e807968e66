import { test } from 'tap'
import { GatewayError } from '../../../../lib/errors.ts'
import { MemoryStore } from '../../../../lib/streams/memory/store.ts'
import { testRecordingStore } from '../contract.ts'
import { append, begun, forever, idle, reasoning, text, tool, until } from '../recorded.ts'

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
