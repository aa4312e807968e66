import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { Pressure } from '../../../lib/limits/pressure.ts'

const silent = { error: () => {} }
const ROOMY = { delay: 20, heap: 1, interval: 20 }

/** Keeps the event loop busy for so many milliseconds at a time until a condition holds. */
async function block (ms: number, until: () => boolean): Promise<void> {
  while (!until()) {
    for (const end = performance.now() + ms; performance.now() < end;);
    await new Promise(resolve => setImmediate(resolve))
  }
}

test('timers that are late again and again are pressure, until they are not', async t => {
  const pressure = new Pressure(ROOMY, silent)
  pressure.reliefs.push(() => t.fail('the heap is not full'))
  t.notOk(pressure.isHigh)
  pressure.start()
  t.teardown(() => pressure.stop())
  await block(100, () => pressure.isHigh)
  while (pressure.isHigh) await sleep(5)
})

test('a loop that waits is not under pressure, however late the machine wakes it up', async t => {
  // Whatever delay there is counts as too much, but the loop is not busy with it.
  const pressure = new Pressure({ ...ROOMY, delay: -100 }, silent)
  pressure.start()
  t.teardown(() => pressure.stop())
  for (let index = 0; index < 10; index++) {
    await sleep(20)
    t.notOk(pressure.isHigh)
  }
})

test('a full heap has memory given back first, and is pressure if it is still full then', async t => {
  const seen: boolean[] = []
  const logged: unknown[] = []
  const pressure = new Pressure({ ...ROOMY, delay: 60_000, heap: 0 }, { error: ({ err }, message) => logged.push(String(err), message) })
  pressure.reliefs.push(() => { throw new Error('not now') }, () => { seen.push(pressure.isHigh) })
  pressure.start()
  t.teardown(() => pressure.stop())
  while (!pressure.isHigh) await sleep(5)
  t.strictSame(seen.slice(0, 2), [false, false], 'the others are asked for all that')
  t.strictSame(logged.slice(0, 2), ['Error: not now', 'memory could not be given back'])
})
