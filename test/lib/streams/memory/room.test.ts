import fc from 'fast-check'
import { test } from 'tap'
import { Room, type Tenant } from '../../../../lib/streams/memory/room.ts'

const seed = 20_261_125

interface Answer extends Tenant { readonly name: number, readonly readers: number, live: boolean, gone: boolean }

/** A room in which evicting gives everything back, and who was evicted. */
function roomOf (bound: number): { room: Room<Answer>, evicted: Answer[], enter: (owner: string, readers?: number) => Answer } {
  const evicted: Answer[] = []
  let names = 0
  const room: Room<Answer> = new Room(bound, answer => {
    evicted.push(answer)
    answer.gone = true
    room.leave(answer)
    // Who is being read gives nothing back yet.
    if (answer.readers === 0) room.give(answer, answer.charge)
  })
  return {
    room,
    evicted,
    enter: (owner, readers = 0) => {
      const answer = { name: ++names, owner, readers, charge: 0, live: true, gone: false }
      room.enter(answer)
      return answer
    }
  }
}

test('room is taken from what is finished, oldest first', t => {
  const { room, evicted, enter } = roomOf(10)
  const [live, old, young] = [enter('a'), enter('a'), enter('a')]
  for (const answer of [live, old, young]) t.ok(room.take(answer, 3))
  room.finish(old)
  room.finish(young)
  t.ok(room.take(live, 2))
  t.strictSame(evicted, [old])
  t.equal(room.taken, 8)
  t.ok(room.take(live, 5))
  t.strictSame(evicted, [old, young])
  t.notOk(room.take(live, 1), 'and not from what is being written')
  t.equal(room.taken, 10)
  t.end()
})

test('whoever is over the share pushes out nobody but itself', t => {
  const { room, evicted, enter } = roomOf(100)
  const [theirs, first, second] = [enter('b'), enter('a'), enter('a')]
  t.ok(room.take(theirs, 20))
  room.finish(theirs)
  t.ok(room.take(first, 40))
  room.finish(first)
  t.ok(room.take(second, 40), 'what is free is for everybody')
  t.ok(room.take(second, 30))
  t.strictSame(evicted, [first])
  t.notOk(room.take(second, 11))
  t.strictSame(evicted, [first], 'the other keeps what is less than its share')
  t.end()
})

test('whoever is under the share gets room from those over it, written or not', t => {
  const { room, evicted, enter } = roomOf(100)
  const [small, large, finished] = [enter('a'), enter('a'), enter('a')]
  for (const [answer, amount] of [[small, 10], [large, 70], [finished, 20]] as const) t.ok(room.take(answer, amount))
  room.finish(finished)
  const other = enter('b')
  t.ok(room.take(other, 20))
  t.strictSame(evicted, [finished], 'from what is finished first')
  t.ok(room.take(other, 30))
  t.strictSame(evicted, [finished, large])
  t.notOk(room.take(other, 51), 'its own finished ones apart, nobody is over the share then')
  t.end()
})

test('what is being read is not pushed out for others, as long as there is anything else', t => {
  const { room, evicted, enter } = roomOf(100)
  const [read, live] = [enter('a', 1), enter('a')]
  t.ok(room.take(read, 60))
  room.finish(read)
  t.ok(room.take(live, 40))
  t.notOk(room.take(live, 1))
  const other = enter('b')
  t.ok(room.take(other, 10))
  t.strictSame(evicted, [read, live], 'who reads it keeps its room, and so the next has to go')
  t.equal(room.taken, 70)
  t.end()
})

test('what its readers keep counts until they give it back', t => {
  const { room, enter } = roomOf(100)
  const read = enter('a', 1)
  t.ok(room.take(read, 100))
  room.leave(read)
  t.notOk(room.take(enter('b'), 1))
  room.give(read, 100)
  t.ok(room.take(enter('b'), 100))
  t.end()
})

test('whatever is asked for, the bound holds, shares are given, and nobody over the share takes from those under it', t => {
  const step = fc.record({ owner: fc.constantFrom('a', 'b', 'c', 'd'), what: fc.constantFrom('enter', 'take', 'take', 'take', 'finish', 'leave'), which: fc.nat(), amount: fc.integer({ min: 1, max: 60 }) })
  fc.assert(fc.property(fc.integer({ min: 1, max: 200 }), fc.array(step, { maxLength: 60 }), (bound, steps) => {
    const { room, evicted, enter } = roomOf(bound)
    const all: Answer[] = []
    const kept = (): Answer[] => all.filter(({ gone }) => !gone)
    const costOf = (owner: string): number => kept().reduce((sum, answer) => sum + (answer.owner === owner ? answer.charge : 0), 0)
    for (const { owner, what, which, amount } of steps) {
      const mine = kept().filter(answer => answer.owner === owner)
      const one = mine.at(which % mine.length)
      if (what === 'enter') all.push(enter(owner))
      else if (!one) continue
      else if (what === 'leave') {
        one.gone = true
        room.leave(one)
        room.give(one, one.charge)
      } else if (what === 'finish' && one.live) {
        one.live = false
        room.finish(one)
      } else if (what === 'take' && one.live) {
        const share = bound / new Set(kept().map(({ owner }) => owner)).size
        const before = new Map(kept().map(({ owner }) => [owner, costOf(owner)]))
        const greedy = costOf(owner) + amount > share
        evicted.length = 0
        const taken = room.take(one, amount)
        if (!greedy) t.ok(taken, 'what is within the share is given')
        for (const victim of evicted) {
          t.not(victim, one)
          if (greedy) t.notOk(victim.live, 'for somebody over the share, nothing goes that is being written')
          if (victim.owner !== owner) t.ok((before.get(victim.owner) ?? 0) > share, 'what is within the share is kept')
        }
      }
      t.equal(room.taken, kept().reduce((sum, { charge }) => sum + charge, 0))
      t.ok(room.taken <= bound)
    }
  }), { seed, numRuns: 300 })
  t.end()
})
