import { randomUUID } from 'node:crypto'
import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import tap, { type Test, test } from 'tap'
import { GatewayError } from '../../../lib/errors.ts'
import { type LeaseTimes, RedisSlots } from '../../../lib/limits/redis.ts'
import type { Release, SlotLimits } from '../../../lib/limits/slots.ts'
import { connectRedis, type SharedRedis } from '../../../lib/redis/client.ts'
import { redisServer, type RedisServer } from '../../redis.ts'
import { testSlots } from './contract.ts'

const RUNS = 30
const ROUNDS = 20

async function connect (t: Pick<Test, 'teardown'>, { url }: RedisServer, prefix = `${randomUUID()}:`): Promise<SharedRedis> {
  const redis = await connectRedis({ url, prefix }, { lost: () => {}, back: () => {} })
  t.teardown(() => redis.close())
  return redis
}

function holder (t: Test, redis: SharedRedis, limits: SlotLimits, times?: LeaseTimes): RedisSlots {
  const slots = new RedisSlots(redis, 'answers', limits, times)
  t.teardown(() => slots.close())
  return slots
}

/** Waits until something is so; a test in which it never is times out. */
async function until (isSo: () => Promise<boolean> | boolean): Promise<void> {
  while (!await isSo()) await setImmediate()
}

const limits = { max: 100, maxPerCaller: 2 }
const refusal = new GatewayError('too_many_streams', { detail: '2 may be open' })

const server = await redisServer(tap)
if (server) {
  const shared = await connect(tap, server, 'contract:')
  // One for each holder on it.
  shared.commands.setMaxListeners(0)
  let made = 0
  // Each has keys of its own on one connection.
  const view = (up: boolean): SharedRedis => ({ commands: shared.commands, subscriber: shared.subscriber, up, prefix: `contract:${++made}:`, close: async () => {} })
  testSlots('in Redis', async (t, limits) => holder(t, view(true), limits))

  test('a Redis that counts as lost is asked nothing', async t => {
    const down = view(false)
    const here = holder(t, down, limits, { lease: 60_000, renewal: 1 })
    const release = await here.acquire('me')
    await here.acquire('me')
    await t.rejects(here.acquire('me'), refusal)
    // Renewals would have been due.
    await sleep(10)
    release()
    t.strictSame(await shared.commands.keys(`${down.prefix}*`), [])
    t.equal(here.taken, 1)
  })

  test('a caller has one limit on all gateways, and nothing is left behind; who it is cannot be read in Redis', async t => {
    const [one, other] = [await connect(t, server, 'two:'), await connect(t, server, 'two:')]
    const [here, there] = [holder(t, one, limits), holder(t, other, limits)]
    const releases = [await here.acquire('address:192.0.2.1'), await there.acquire('address:192.0.2.1')]
    await t.rejects(here.acquire('address:192.0.2.1'), refusal)
    t.equal(here.taken, 1, 'what was refused holds nothing')
    await t.resolves(there.acquire('address:192.0.2.2'))
    const keys = await one.commands.keys('two:*')
    t.match(keys, [/^two:slots:answers:[\w-]{43}$/, /^two:slots:answers:[\w-]{43}$/])
    for (const key of keys) t.ok(await one.commands.pttl(key) > 0)

    releases[1]?.()
    await other.commands.ping()
    const again = await here.acquire('address:192.0.2.1')
    for (const release of [...releases, again]) release()
    await one.commands.ping()
    t.equal((await one.commands.keys('two:*')).length, 1)
  })

  test(`over ${RUNS * ROUNDS} rounds of three holders that ask at once, exactly as many get a slot as there are`, async t => {
    let rounds = 0
    const round = fc.record({ asking: fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 8 }), ending: fc.array(fc.nat(20), { maxLength: 6 }) })
    await fc.assert(fc.asyncProperty(fc.integer({ min: 1, max: 6 }), fc.array(round, { minLength: ROUNDS, maxLength: ROUNDS }), async (maxPerCaller, script) => {
      const prefix = `${randomUUID()}:`
      const connections = await Promise.all([connect(t, server, prefix), connect(t, server, prefix), connect(t, server, prefix)])
      const holders = connections.map(redis => holder(t, redis, { max: 100, maxPerCaller }))
      const open: Release[] = []
      try {
        for (const { asking, ending } of script) {
          rounds++
          const asked = await Promise.allSettled(asking.map(async index => await holders[index]?.acquire('ann')))
          const got = asked.flatMap(result => result.status === 'fulfilled' && result.value ? [result.value] : [])
          if (got.length !== Math.min(asking.length, maxPerCaller - open.length)) return false
          open.push(...got)
          for (const at of ending) open.splice(at, 1).forEach(release => release())
          // What is given back is sent before this, on the same connections.
          await Promise.all(connections.map(async ({ commands }) => await commands.ping()))
        }
        for (const release of open) release()
        await Promise.all(connections.map(async ({ commands }) => await commands.ping()))
        return (await connections[0].commands.keys(`${prefix}*`)).length === 0
      } finally {
        await Promise.all(connections.map(async redis => await redis.close()))
      }
    }), { seed: 15, numRuns: RUNS })
    t.equal(rounds, RUNS * ROUNDS)
  })

  test('the slots of a holder that is gone are free after its lease; one that lives renews its own', async t => {
    const [gone, other] = [await connect(t, server, 'gone:'), await connect(t, server, 'gone:')]
    const dead = holder(t, gone, limits, { lease: 300, renewal: 60_000 })
    const here = holder(t, other, limits, { lease: 60_000, renewal: 20 })
    await dead.acquire('me')
    await gone.close()
    // Another of the same caller is kept all the time.
    await here.acquire('me')
    await until(() => here.acquire('me').then(() => true, () => false))
    await t.rejects(here.acquire('me'), refusal)

    const [key = ''] = await other.commands.keys('gone:*')
    const end = async () => Number((await other.commands.zrange(key, '0', '-1', 'WITHSCORES'))[1])
    const before = await end()
    await until(async () => await end() > before)
  })

  test('the lease of a gateway that was killed is over within 15 s', async t => {
    const redis = await connect(t, server, 'killed:')
    await holder(t, redis, limits).acquire('me')
    const [key = ''] = await redis.commands.keys('killed:*')
    const left = Number((await redis.commands.zrange(key, '0', '-1', 'WITHSCORES'))[1]) - Number((await redis.commands.time())[0]) * 1000
    t.ok(left > 8_000 && left <= 13_000, String(left))
  })
}

test('without Redis a holder limits by its own; what it gave out counts for all when Redis is back, and nothing is asked meanwhile', async t => {
  const redis = await redisServer(t)
  if (!redis) return
  const [one, other] = [await connect(t, redis, 'lost:'), await connect(t, redis, 'lost:')]
  const [here, there] = [holder(t, one, limits), holder(t, other, limits)]
  const first = await here.acquire('me')
  await redis.stop()
  await until(() => !one.up && !other.up)
  await here.acquire('me')
  await t.rejects(here.acquire('me'), refusal)
  const elsewhere = [await there.acquire('me'), await there.acquire('me')]
  first()
  const again = await here.acquire('me')

  await redis.start()
  await until(() => one.up && other.up)
  const [key = ''] = await one.commands.keys('lost:*')
  t.equal(await one.commands.zcard(key), 4)
  elsewhere[0]?.()
  await t.rejects(there.acquire('me'), refusal)
  again()
  elsewhere[1]?.()
  await Promise.all([one.commands.ping(), other.commands.ping()])
  await t.resolves(there.acquire('me'))
})

test('a Redis that falls silent while it is asked gives the slot', async t => {
  const redis = await redisServer(t)
  if (!redis) return
  const one = await connect(t, redis, 'silent:')
  const here = holder(t, one, limits)
  redis.pause()
  await here.acquire('me')
  redis.resume()
  await until(() => one.up)
  t.equal((await one.commands.keys('silent:*')).length, 1, 'and has it when it speaks again')
})
