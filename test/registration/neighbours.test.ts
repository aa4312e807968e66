import { test } from 'tap'
import { parts } from '../../app.ts'
import { tryMoves } from './moving.ts'

test('two neighbours that change places are refused at start, or change nothing', async t => {
  await tryMoves(t, at => [...parts.slice(0, at), ...parts.slice(at, at + 2).reverse(), ...parts.slice(at + 2)])
})
