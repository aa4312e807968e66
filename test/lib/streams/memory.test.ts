import { test } from 'tap'
import { MemoryStore } from '../../../lib/streams/memory.ts'
import { testRecordingStore } from './contract.ts'

const bounds = { ttl: 60_000, maxBytes: 1_000_000, maxRecordingBytes: 100_000 }

testRecordingStore('in memory', async (_t, changed) => new MemoryStore({ ...bounds, ...changed }))

test('the bytes that are kept are counted, and none are left when all is forgotten', async t => {
  const store = new MemoryStore(bounds)
  const recording = await store.create('me', { stop: () => {}, watched: () => {} })
  recording.append(Buffer.from('12345'))
  t.equal(store.bytes, 5)
  recording.finish()
  t.equal(store.bytes, 5)
  await store.close()
  t.equal(store.bytes, 0)
})

test('of recordings without a byte, there are only so many', async t => {
  const store = new MemoryStore(bounds)
  const first = await store.create('me', { stop: () => {}, watched: () => {} })
  first.finish()
  for (let index = 0; index < 10_000; index++) (await store.create('me', { stop: () => {}, watched: () => {} })).finish()
  t.equal(await store.find(first.id, 'me'), undefined)
  await store.close()
})
