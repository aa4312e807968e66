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
  t.equal(wordsFor('network', { resumable: true }).remedy, 'resume')
  t.equal(wordsFor('not_found', { resumable: true }).remedy, undefined)
})

test('a service that was cut off in the middle was reached', async t => {
  t.equal(wordsFor('connection').title, 'The Copilot service cannot be reached')
  t.equal(wordsFor('connection', { begun: true }).title, 'Copilot was cut off in the middle')
})
