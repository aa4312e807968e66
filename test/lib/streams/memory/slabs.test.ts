import fc from 'fast-check'
import { test } from 'tap'
import { Slabs } from '../../../../lib/streams/memory/slabs.ts'

test('what was appended is what is there, wherever it is looked at', t => {
  fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 5000 }), { maxLength: 40 }), fc.nat(), fc.nat(), (sizes, first, second) => {
    const slabs = new Slabs()
    const chunks = sizes.map((size, index) => Buffer.alloc(size, index + 1))
    for (const chunk of chunks) slabs.append(chunk)
    const whole = Buffer.concat(chunks)
    const [from, to] = [first % (whole.length + 1), second % (whole.length + 1)].sort((a, b) => a - b) as [number, number]
    slabs.trim()
    return slabs.end === whole.length && slabs.range(from, to).equals(whole.subarray(from, to))
  }), { seed: 20_261_125 })
  t.end()
})

test('what was released is not held, and what follows is', t => {
  const slabs = new Slabs()
  slabs.trim()
  for (let index = 0; index < 1000; index++) slabs.append(Buffer.alloc(100, index % 251))
  slabs.release(50_000)
  t.ok(slabs.held >= 50_000 && slabs.held < 70_000, 'a piece of memory is kept as a whole')
  t.equal(slabs.view(50_000, 50_001)[0], 500 % 251)
  slabs.release(slabs.end)
  t.equal(slabs.held, 0)
  t.throws(() => slabs.view(99_999, 100_000), RangeError)
  slabs.append(Buffer.from('more'))
  t.equal(slabs.range(100_000, 100_004).toString(), 'more')
  t.equal(slabs.held, 4)
  t.end()
})
