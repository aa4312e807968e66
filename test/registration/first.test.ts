import { test } from 'tap'
import { parts } from '../../app.ts'
import { tryMoves } from './moving.ts'

test('a part that comes first is refused at start, or changes nothing', async t => {
  await tryMoves(t, at => [...parts.slice(at, at + 1), ...parts.slice(0, at), ...parts.slice(at + 1)])
})
