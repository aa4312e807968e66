import fc from 'fast-check'
import { type Test, test } from 'tap'
import { GatewayError } from '../../../lib/errors.ts'
import type { Release, SlotLimits, Slots } from '../../../lib/limits/slots.ts'

/** How many lives the random test has: that of one slot, from being asked for to being given back or refused. */
const RUNS = 100
const LIVES = 100

/** The life of a slot: whose, how many others begin before it is given back, and how often it is then. */
const life = fc.record({ caller: fc.constantFrom('ann', 'bob', 'eve', 'joe'), lasts: fc.integer({ min: 0, max: 20 }), times: fc.integer({ min: 1, max: 3 }) })

/** What every implementation of slots has to do. `make` makes one with the given limits, of which nothing is taken. */
export function testSlots (name: string, make: (t: Test, limits: SlotLimits) => Promise<Slots>): void {
  test(`${name}: a caller has its limit, and others theirs`, async t => {
    const slots = await make(t, { max: 10, maxPerCaller: 2 })
    const first = await slots.acquire('me')
    await slots.acquire('me')
    await t.rejects(slots.acquire('me'), new GatewayError('too_many_streams', { detail: '2 may be open' }))
    await slots.acquire('you')
    t.equal(slots.taken, 3)
    first()
    await slots.acquire('me')
    t.equal(slots.taken, 3)
  })

  test(`${name}: all callers together have a limit`, async t => {
    const slots = await make(t, { max: 2, maxPerCaller: 2 })
    const release = await slots.acquire('me')
    await slots.acquire('you')
    await t.rejects(slots.acquire('they'), new GatewayError('overloaded', { detail: 'as many answers are open as it can carry' }))
    t.equal(slots.taken, 2)
    release()
    await slots.acquire('they')
  })

  test(`${name}: who has too many is told so, also when all are taken`, async t => {
    const slots = await make(t, { max: 1, maxPerCaller: 1 })
    await slots.acquire('me')
    await t.rejects(slots.acquire('me'), new GatewayError('too_many_streams', { detail: '1 may be open' }))
    await t.rejects(slots.acquire('you'), new GatewayError('overloaded', { detail: 'as many answers are open as it can carry' }))
  })

  test(`${name}: a slot is given back once, however often it is said`, async t => {
    const slots = await make(t, { max: 10, maxPerCaller: 2 })
    const [first] = [await slots.acquire('me'), await slots.acquire('me')]
    first()
    first()
    t.equal(slots.taken, 1)
    await slots.acquire('me')
    first()
    await t.rejects(slots.acquire('me'), new GatewayError('too_many_streams', { detail: '2 may be open' }))
  })

  test(`${name}: of many that ask in the same moment, as many get one as there are`, async t => {
    const slots = await make(t, { max: 10, maxPerCaller: 3 })
    const asked = await Promise.allSettled(Array.from({ length: 20 }, async (_, index) => await slots.acquire(`caller ${index % 2}`)))
    t.equal(asked.filter(({ status }) => status === 'fulfilled').length, 6)
    t.equal(slots.taken, 6)
  })

  test(`${name}: over ${RUNS * LIVES} random lives, exactly those who may get a slot, and the count returns to zero`, async t => {
    let lives = 0
    await fc.assert(fc.asyncProperty(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 6 }), fc.array(life, { minLength: LIVES, maxLength: LIVES }), async (max, maxPerCaller, script) => {
      const slots = await make(t, { max, maxPerCaller })
      const open = new Set<{ readonly caller: string, readonly until: number, readonly giveBack: Release }>()
      const giveBack = (due: number): void => {
        for (const slot of open) {
          if (slot.until > due) continue
          slot.giveBack()
          open.delete(slot)
        }
      }
      for (const [now, { caller, lasts, times }] of script.entries()) {
        lives++
        giveBack(now)
        const may = [...open].filter(slot => slot.caller === caller).length < maxPerCaller && open.size < max
        const release = await slots.acquire(caller).catch(() => undefined)
        if ((release !== undefined) !== may) return false
        if (release) open.add({ caller, until: now + lasts, giveBack: () => { for (let time = 0; time < times; time++) release() } })
        if (slots.taken !== open.size) return false
      }
      giveBack(Infinity)
      return slots.taken === 0
    }), { seed: 26, numRuns: RUNS })
    t.equal(lives, RUNS * LIVES)
  })
}
