import { test } from 'tap'
import { Measurement, median, peaks } from '../../public/measurement.ts'

test('an answer is measured by its events', async t => {
  let now = 1_000
  const measurement = new Measurement(() => now)
  t.match(measurement, { pieces: 0, firstPiece: undefined, rate: undefined, ndjson: '' })
  for (const [at, event] of [[1_010, 'start'], [1_200, 'delta'], [1_300.06, 'delta'], [1_700, 'delta'], [1_800, 'done']] as const) {
    now = at
    measurement.take({ event, id: undefined, data: { text: 'x' } })
  }
  t.match(measurement, { pieces: 3, firstPiece: 200, rate: 4 })
  t.strictSame(measurement.gaps.map(Math.round), [100, 400])
  t.strictSame(measurement.ndjson.split('\n')[2], '{"at":300.1,"event":"delta","data":{"text":"x"}}')
})

test('what came at once has no rate', async t => {
  const measurement = new Measurement()
  for (let piece = 0; piece < 3; piece++) measurement.take({ event: 'delta', id: '1', data: {} })
  t.equal(measurement.rate, undefined)
})

test('many gaps are drawn as few, none of the long ones lost', async t => {
  t.strictSame(peaks([1, 9, 2, 3, 8], 3), [9, 3, 8])
  t.strictSame(peaks([1, 2], 80), [1, 2])
  t.strictSame(peaks([], 80), [])
  t.equal(median([5, 1, 3]), 3)
  t.equal(median([]), undefined)
})
