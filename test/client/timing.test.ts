import fc from 'fast-check'
import { test } from 'tap'
import { backoff, pause, watchdog } from '../../client/timing.ts'

test('waits grow, with jitter, up to a bound', async t => {
  fc.assert(fc.property(fc.nat(60), tries => {
    const wait = backoff(tries, 500, 10_000)
    const most = Math.min(10_000, 500 * 2 ** tries)
    return wait > most / 2 - 1 && wait <= most
  }), { seed: 26 })
  t.not(backoff(5, 500, 10_000), backoff(5, 500, 10_000))
  t.equal(backoff(0, 500, 10_000, 7), 7_000, 'Retry-After counts')
  t.equal(backoff(0, 500, 10_000, 3600), 10_000, 'within the bound')
})

test('a browser that is online again ends a wait', async t => {
  const host = new EventTarget()
  const listening = Object.assign(globalThis, { addEventListener: host.addEventListener.bind(host), removeEventListener: host.removeEventListener.bind(host) })
  t.teardown(() => Object.assign(listening, { addEventListener: undefined, removeEventListener: undefined }))
  const { over } = pause(1e9)
  host.dispatchEvent(new Event('online'))
  await over
  t.pass()
})

test('a page that slept does not wait once more where it can reconnect, and reads what there is where it cannot', async t => {
  const { now } = Date
  t.teardown(() => { Date.now = now })
  const silent: string[] = []
  const dogs: Array<ReturnType<typeof watchdog>> = []
  await new Promise<void>(resolve => {
    dogs.push(watchdog(15_000, () => false, () => { silent.push('patient') }))
    dogs.push(watchdog(15_000, () => true, () => { silent.push('hasty'); resolve() }))
    const woken = now() + 3_600_000
    Date.now = () => woken
  })
  for (const { end } of dogs) end()
  t.strictSame(silent, ['hasty'])
})
