import t, { type Test, test } from 'tap'
import { GatewayError, ReportedError } from '../../../../lib/errors.ts'
import { connectRedis } from '../../../../lib/redis/client.ts'
import { RedisStore, type RedisStoreOptions } from '../../../../lib/streams/redis/store.ts'
import { redisServer } from '../../../redis.ts'
import { append, begun, forever, idle, partsOf, reasoning, text, told, tool, until } from '../recorded.ts'

const server = await redisServer(t)
const whole = { finishReason: 'stop' } as const
const start = { bytes: 0 }
const bounds = { ttl: 60_000, maxBytes: 1_000_000, maxRecordingBytes: 100_000, lease: 60_000 }
let prefixes = 0

if (server) {
  const connected = async (t: Test, prefix: string) => {
    const redis = await connectRedis({ url: server.url, prefix }, { lost: () => {}, back: () => {} })
    t.teardown(() => redis.close())
    return redis
  }

  /** As many stores as asked for, each with connections of its own, over one Redis. */
  const stores = async (t: Test, changed: Partial<RedisStoreOptions> = {}, count = 2): Promise<RedisStore[]> => {
    const prefix = `test${++prefixes}:`
    return await Promise.all(Array.from({ length: count }, async () => {
      const store = new RedisStore({ redis: await connected(t, prefix), ...bounds, ...changed })
      t.teardown(() => store.close())
      return store
    }))
  }

  test('another process finds a recording, reads what there is, what comes, and its end', async t => {
    const [one, other] = await stores(t) as [RedisStore, RedisStore]
    const recording = await begun(one)
    await append(recording, reasoning('hm'), tool('a'), text('one '))
    const found = await other.find(recording.id, 'me')
    const reading = await found?.read(start, forever)
    t.match(reading, { delivery: 'stream', model: 'm', service: 'http://copilot', offset: { bytes: 0, rest: 0 } })
    const parts = reading && partsOf(reading)
    await append(recording, text('two '))
    await append(recording, text('three'))
    await recording.finish(whole)
    t.match(await parts, [reasoning('hm'), tool('a')])
    t.strictSame(reading?.ending(), whole)
    t.strictSame(reading?.summary(), await recording.summary())
    t.strictSame(await (await other.find(recording.id, 'me'))?.summary(), await recording.summary())
    const late = await (await other.find(recording.id, 'me'))?.read({ bytes: 4 }, forever)
    t.equal(late && await told(late), 'two three')
    t.equal(await other.find(recording.id, 'you'), undefined)
  })

  test('what failed here fails there, in the same words', async t => {
    const [one, other] = await stores(t) as [RedisStore, RedisStore]
    const failures = [
      new GatewayError('connection_lost'), new GatewayError('invalid_request', { status: 413, detail: 'too long', issues: [{ path: 'a', message: 'b' }], ending: whole }),
      new ReportedError('sdk', 'Out of tokens'), new GatewayError('stopped')
    ]
    for (const failure of failures.slice(0, 1)) failure.source = { url: 'http://copilot', unprocessed: false, failing: true }
    for (const failure of failures) {
      const recording = await begun(one)
      await recording.fail(failure)
      const found = await other.find(recording.id, 'me')
      const { errorType, message, status, headers, ended, retryable, source } = failure
      await t.rejects(async () => await (await found?.read(start, forever))?.parts.toArray(), { errorType, message, status, headers, ended, retryable, ...(source && { source }) })
    }
  })

  test('a stop from another process reaches the writer', async t => {
    const [one, other] = await stores(t) as [RedisStore, RedisStore]
    const recording = await begun(one, { ...idle, stop: () => { void recording.fail(new GatewayError('stopped')) } })
    const found = await other.find(recording.id, 'me')
    await found?.stop()
    await found?.stop()
    await t.rejects(recording.read(start, forever).then(told), new GatewayError('stopped'))
  })

  test('keys and chats are shared', async t => {
    const [one, other] = await stores(t) as [RedisStore, RedisStore]
    const key = { value: 'k', question: 'q' }
    const claim = await one.claim('me', idle, key, { chat: 'c' })
    const again = await other.claim('me', idle, key)
    t.equal(again.outcome, 'found')
    t.equal((await other.claim('me', idle, { ...key, question: 'another' })).outcome, 'mismatch')
    const id = 'recording' in claim ? claim.recording.id : ''
    t.equal('recording' in again && again.recording.id, id)
    t.equal((await other.findRunning('c', 'me'))?.id, id)
    t.equal((await other.findKeyed('k', 'me'))?.id, id)
    if (claim.outcome === 'created') await claim.recording.fail(new GatewayError('timeout'))
    t.equal(await other.findRunning('c', 'me'), undefined)
    t.equal((await other.claim('me', idle, key)).outcome, 'created')
  })

  test('the writer is told of readers in other processes', async t => {
    const [one, other] = await stores(t) as [RedisStore, RedisStore]
    const readers: number[] = []
    const recording = await begun(one, { ...idle, watched: now => readers.push(now) })
    const found = await other.find(recording.id, 'me')
    const reading = await found?.read(start, forever)
    await until(() => readers.at(-1) === 1)
    const second = await recording.read(start, forever)
    t.equal(readers.at(-1), 2)
    reading?.parts.destroy()
    await until(() => readers.at(-1) === 1)
    second.parts.destroy()
    t.equal(readers.at(-1), 0)
  })

  test('a recording whose process is gone ends with what there is of it, and says so', async t => {
    const [one, other, third] = await stores(t, { lease: 300 }, 3) as [RedisStore, RedisStore, RedisStore]
    const recording = await begun(one)
    await append(recording, text('half'))
    const reading = await (await other.find(recording.id, 'me'))?.read(start, forever)
    await one.close()
    const seen: string[] = []
    const reads = async (reading: Awaited<ReturnType<typeof recording.read>> | undefined): Promise<void> => { for await (const { bytes } of reading?.parts ?? []) seen.push(String(bytes)) }
    await t.rejects(reads(reading), new GatewayError('producer_lost'))
    await t.rejects(third.find(recording.id, 'me').then(async found => await found?.read(start, forever)).then(reads), new GatewayError('producer_lost'))
    t.strictSame(seen, ['half', 'half'])
  })
}
