import { test } from 'tap'
import { knownKinds, wordsFor } from '../../public/errors.ts'
import { tableRows } from '../docs/tables.ts'

test('there are words for every kind of failure that docs/api.md has, and for those of the client', async t => {
  const rows = await tableRows('docs/api.md', 'X-Error-Type')
  const kinds = rows.map(([kind = '']) => kind)
  t.ok(kinds.length > 20)
  // An answer that the person stopped is no failure.
  for (const kind of [...kinds, 'network', 'corrupt', 'length', 'filtered'].filter(kind => kind !== 'stopped')) t.ok(knownKinds.includes(kind), kind)
})

test('what the service calls by names of its own is an error of the service', async t => {
  for (const kind of ['sdk', 'spawn', 'constructor']) t.equal(wordsFor(kind).title, 'Copilot reports an error')
})

test('a lost connection can be made good while the gateway has the answer', async t => {
  t.equal(wordsFor('network').remedy, undefined)
  t.equal(wordsFor('network', true).remedy, 'resume')
  t.equal(wordsFor('not_found', true).remedy, undefined)
})
