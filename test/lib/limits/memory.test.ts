import { test } from 'tap'
import { MemorySlots } from '../../../lib/limits/memory.ts'
import { testSlots } from './contract.ts'

testSlots('in memory', async (t, limits) => {
  const slots = new MemorySlots(limits)
  t.teardown(() => slots.close())
  return slots
})

test('callers who have nothing any more are forgotten', async t => {
  const slots = new MemorySlots({ max: 2, maxPerCaller: 2 })
  const [first, second] = [await slots.acquire('me'), await slots.acquire('me')]
  await t.rejects(slots.acquire('you'))
  t.equal(slots.callers, 1)
  first()
  t.equal(slots.callers, 1)
  second()
  t.equal(slots.callers, 0)
})
