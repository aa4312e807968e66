import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import type { Ledger } from '../../../lib/limits/ledger.ts'
import { MemoryLedger } from '../../../lib/limits/memory-ledger.ts'
import { RedisLedger } from '../../../lib/limits/redis-ledger.ts'
import { connectRedis, type SharedRedis } from '../../../lib/redis/client.ts'
import { redisServer } from '../../redis.ts'

const DAY = 86_400_000

/** What every ledger has to do. `make` makes one with windows of so many milliseconds; undefined where that cannot be had. */
function testLedger (name: string, make: (t: Test, window: number) => Promise<Ledger | undefined>): void {
  test(`${name}: each caller spends its own`, async t => {
    const ledger = await make(t, DAY)
    if (!ledger) return
    t.strictSame(await ledger.spent('ann'), { amount: 0, endsIn: 0 })
    await Promise.all([ledger.spend('ann', 10), ledger.spend('ann', 5), ledger.spend('bob', 1)])
    const { amount, endsIn } = await ledger.spent('ann')
    t.equal(amount, 15)
    const after = await ledger.spend('ann', 1)
    t.equal(after.amount, 16)
    t.ok(after.endsIn > 0 && after.endsIn <= endsIn, 'which begins no other window')
    t.ok(endsIn > DAY / 2 && endsIn <= DAY, String(endsIn))
    t.equal((await ledger.spent('bob')).amount, 1)
  })

  test(`${name}: a window begins with the first tokens, and at its end nothing is spent`, async t => {
    const ledger = await make(t, 30)
    if (!ledger) return
    await ledger.spend('ann', 10)
    while ((await ledger.spent('ann')).amount > 0) await sleep(5)
    t.strictSame(await ledger.spent('ann'), { amount: 0, endsIn: 0 })
  })
}

testLedger('in memory', async (_t, window) => new MemoryLedger(window))
testLedger('in Redis', async (t, window) => {
  const redis = await shared(t)
  return redis && new RedisLedger(redis, 'test', window)
})

async function shared (t: Test): Promise<SharedRedis | undefined> {
  const server = await redisServer(t)
  if (!server) return undefined
  const redis = await connectRedis({ url: server.url, prefix: 'test:' }, { lost () {}, back () {} })
  t.teardown(() => redis.close())
  return redis
}

test('in memory: the callers are bounded', async t => {
  const ledger = new MemoryLedger(DAY)
  for (let caller = 0; caller < 50_001; caller++) await ledger.spend(String(caller), 1)
  t.equal((await ledger.spent('0')).amount, 0)
  t.equal((await ledger.spent('50000')).amount, 1)
})

test('in Redis: gateways count together, by a name that nobody can read, and each by itself while Redis is lost', async t => {
  const redis = await shared(t)
  if (!redis) return
  const [one, two] = [new RedisLedger(redis, 'tokens', DAY), new RedisLedger(redis, 'tokens', DAY)]
  await one.spend('ann', 10)
  await two.spend('ann', 5)
  t.equal((await one.spent('ann')).amount, 15)
  const keys = await redis.commands.keys('*')
  t.strictSame(keys.map(key => key.replace(/[\w-]{43}$/, '…')), ['test:tokens:…'])
  t.ok(await redis.commands.pttl(String(keys[0])) > 0)

  redis.commands.disconnect()
  await two.spend('ann', 1)
  t.equal((await one.spent('ann')).amount, 10, 'before it is known that it is lost')
  while (redis.up) await sleep(1)
  t.equal((await two.spent('ann')).amount, 6, 'and when it is')
})
