import { test } from 'tap'
import { descriptorLimit, descriptorRoom, limitIn } from '../../../lib/limits/descriptors.ts'

test('the limit is what the system says, and none where it says nothing', async t => {
  t.ok(descriptorLimit() > 0)
  t.equal(descriptorLimit(), descriptorLimit())
  t.equal(limitIn({ userLimits: { open_files: { soft: 256 } } }), 256)
  t.equal(limitIn({ userLimits: { open_files: { soft: 'unlimited' } } }), Infinity)
  t.equal(limitIn({}), Infinity)
})

test('every connection may become an answer without running out of descriptors', async t => {
  for (const limit of [100, 256, 1024, 20_000]) {
    for (const perAnswer of [2, 3]) {
      const { connections, answers } = descriptorRoom(limit, perAnswer)
      t.ok(connections + answers * (perAnswer - 1) < limit)
      t.ok(answers < connections, 'who gets no answer can still be told so')
    }
  }
  t.strictSame(descriptorRoom(Infinity, 2), { connections: Infinity, answers: Infinity })
  t.strictSame(descriptorRoom(10, 2), { connections: 4, answers: 3 })
})
