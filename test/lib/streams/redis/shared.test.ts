import t, { type Test, test } from 'tap'
import { GatewayError, ReportedError } from '../../../../lib/errors.ts'
import { connectRedis } from '../../../../lib/redis/client.ts'
import { Channels } from '../../../../lib/streams/redis/channels.ts'
import { Commands } from '../../../../lib/streams/redis/commands.ts'
import { Followers } from '../../../../lib/streams/redis/followers.ts'
import { HeldRecording } from '../../../../lib/streams/redis/held.ts'
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

  test('who has lost its lease writes no more, and its readers are told what readers elsewhere are told', async t => {
    const [one, other, third] = await stores(t, {}, 3) as [RedisStore, RedisStore, RedisStore]
    const redis = await connected(t, '')
    const lost: string[] = []
    const recording = await begun(one, { ...idle, lost: ({ errorType }) => lost.push(errorType) })
    await append(recording, text('half'))
    await until(async () => (await (await other.find(recording.id, 'me'))?.summary())?.bytes === 4)
    const reading = await recording.read(start, forever)
    await redis.commands.del(`test${prefixes}:l:${recording.id}`)
    const failed = t.rejects(told(reading), new GatewayError('producer_lost'))
    await append(recording, text('more'))
    await failed
    t.strictSame(lost, ['producer_lost'])
    await t.rejects(recording.append(text('x'), forever), new GatewayError('producer_lost'))
    await t.rejects(recording.finish(whole), new GatewayError('producer_lost'))
    const found = await third.find(recording.id, 'me')
    await t.rejects(async () => await (await found?.read(start, forever))?.parts.toArray(), new GatewayError('producer_lost'))
    t.equal((await found?.summary())?.bytes, 4, 'nothing was written behind it')
  })

  test('the script is sent again to a Redis that has forgotten it', async t => {
    const [one, other] = await stores(t) as [RedisStore, RedisStore]
    const recording = await begun(one)
    await (await connected(t, '')).commands.script('FLUSH')
    await append(recording, text('x'))
    await recording.finish(whole)
    t.equal((await (await other.find(recording.id, 'me'))?.summary())?.bytes, 1)
  })

  test('a recording that Redis has no more goes on to its readers, and is kept no longer', async t => {
    const [one] = await stores(t) as [RedisStore]
    let dropped = 0
    const recording = await begun(one, { ...idle, dropped: () => { dropped++ } })
    const read = told(await recording.read(start, forever))
    await (await connected(t, '')).commands.flushall()
    await append(recording, text('one '))
    await until(() => dropped === 1)
    await append(recording, text('two'))
    await recording.finish(whole)
    t.equal(await read, 'one two')
    t.equal(await one.find(recording.id, 'me'), undefined)
  })

  test('a writer that is far ahead of Redis waits for it, and much is written by more than one command', async t => {
    const [one, other] = await stores(t, { maxRecordingBytes: 10_000_000, maxBytes: 10_000_000 }) as [RedisStore, RedisStore]
    const recordings = await Promise.all([1, 2, 3, 4].map(async () => await begun(one)))
    await Promise.all(recordings.map(async recording => { for (let count = 0; count < 8; count++) await append(recording, text(Buffer.alloc(50_000, 'x'))) }))
    const leaving = new AbortController()
    const [first] = recordings
    const waiting = first?.append(text(Buffer.alloc(300_000, 'x')), leaving.signal)
    leaving.abort(new GatewayError('stopped'))
    await t.rejects(waiting ?? Promise.resolve(), new GatewayError('stopped'))
    for (const recording of recordings) await recording.finish(whole)
    t.equal((await (await other.find(first?.id ?? '', 'me'))?.summary())?.bytes, 700_000)
  })

  test('all share the room, and who is within the share gets it from who is over it', async t => {
    const [one, other] = await stores(t, { maxBytes: 100 }) as [RedisStore, RedisStore]
    const greedy = await begun(one)
    await append(greedy, text('x'.repeat(90)))
    const finished = await begun(one)
    await append(finished, text('y'.repeat(10)))
    await finished.finish(whole)
    const reading = await (await other.find(greedy.id, 'me'))?.read(start, forever)
    const failed = t.rejects(async () => await reading?.parts.toArray(), new GatewayError('store_unavailable'))
    const modest = await begun(other, idle, 'you')
    await append(modest, text('z'.repeat(40)))
    await modest.finish(whole)
    await failed
    t.equal(await other.find(finished.id, 'me'), undefined)
    t.equal(await other.find(greedy.id, 'me'), undefined)
    t.ok(await one.find(modest.id, 'you'))
    const mine = await begun(one)
    await append(mine, text('w'.repeat(60)))
    await append(mine, text('w'))
    await mine.finish(whole)
    t.ok(await other.find(modest.id, 'you'), 'who is over the share takes nothing from who is within it')
  })

  test('nothing is left in Redis when everything is over, and until then every key has its time', async t => {
    const redis = await connected(t, '')
    await redis.commands.flushall()
    const [one, other] = await stores(t, { ttl: 50, lease: 300 }) as [RedisStore, RedisStore]
    const claim = await one.claim('me', idle, { value: 'k', question: 'q' }, { chat: 'c' })
    const live = await begun(other, idle, 'you')
    await append(live, text('x'))
    for (const key of await redis.commands.keys('test*')) t.ok(await redis.commands.pttl(key) > 0 || await redis.commands.exists(key) === 0, key)
    if (claim.outcome === 'created') await claim.recording.fail(new GatewayError('stopped'))
    await live.finish(whole)
    await one.close()
    await other.close()
    await until(async () => await redis.commands.dbsize() === 0)
  })

  test('without Redis, nothing is begun or found, who writes goes on, and who reads elsewhere is to come again', async t => {
    const own = await redisServer(t)
    if (!own) return
    const [one, other] = await Promise.all([1, 2].map(async () => {
      const redis = await connectRedis({ url: own.url, prefix: 'x:' }, { lost: () => {}, back: () => {} })
      const store = new RedisStore({ redis, ...bounds })
      t.teardown(async () => {
        await store.close()
        await redis.close()
      })
      return store
    })) as [RedisStore, RedisStore]
    let dropped = 0
    const recording = await begun(one, { ...idle, dropped: () => { dropped++ } })
    await append(recording, text('half'))
    const here = told(await recording.read(start, forever))
    const found = await other.find(recording.id, 'me')
    const reading = await found?.read(start, forever)
    const failed = t.rejects(async () => await reading?.parts.toArray(), new GatewayError('store_unavailable'))
    await own.stop()
    await failed
    await append(recording, text(' more'))
    await recording.finish(whole)
    t.equal(dropped, 1)
    t.equal(await here, 'half more')
    await t.rejects(one.create('me', idle), new GatewayError('store_unavailable'))
    await t.rejects(one.claim('me', idle, { value: 'k', question: 'q' }), new GatewayError('store_unavailable'))
    await t.rejects(other.find(recording.id, 'me'), new GatewayError('store_unavailable'))
    await t.rejects(async () => await found?.read(start, forever), new GatewayError('store_unavailable'))
    await own.start()
    await until(async () => await one.create('me', idle).then(() => true, () => false))
  })

  test('the writer hears with the renewal of its lease of a stop that it missed, and forgets readers that fall silent', async t => {
    const [one, other] = await stores(t) as [RedisStore, RedisStore]
    const readers: number[] = []
    let stops = 0
    const recording = await begun(one, { ...idle, stop: () => { stops++ }, watched: now => readers.push(now) })
    if (!(recording instanceof HeldRecording)) return t.fail('it is not held')
    const reading = await (await other.find(recording.id, 'me'))?.read(start, forever)
    reading?.parts.on('error', () => {})
    await until(() => readers.at(-1) === 1)
    await other.close()
    for (let count = 0; count < 5; count++) recording.tick()
    t.strictSame(readers, [1, 0])
    await (await connected(t, '')).commands.hset(`test${prefixes}:r:${recording.id}`, 's', 1)
    recording.tick()
    await until(() => stops > 0)
    const finished = recording.finish(whole)
    recording.tick()
    await finished
    recording.tick()
    t.equal(readers.length, 2, 'and nothing once it is over')
  })

  test('a message that was missed is made up for, and an entry that Redis cannot give ends the reading', async t => {
    const [one, other] = await stores(t) as [RedisStore, RedisStore]
    const { commands } = await connected(t, '')
    const recording = await begun(one)
    const reading = await (await other.find(recording.id, 'me'))?.read(start, forever)
    const seen: string[] = []
    reading?.parts.on('data', ({ bytes }) => seen.push(String(bytes)))
    const failed = new Promise(resolve => reading?.parts.once('error', resolve))
    await commands.rpush(`test${prefixes}:p:${recording.id}`, 'tone ')
    await append(recording, text('two'))
    await until(() => seen.join('') === 'one two')
    await commands.set(`test${prefixes}:p:${recording.id}`, 'no list')
    await commands.publish(`test${prefixes}:r:${recording.id}`, '99 tx')
    t.match(await failed, { errorType: 'store_unavailable' })
  })

  test('readings end when the recording is gone, and when Redis does not say where it stands', async t => {
    const [one] = await stores(t) as [RedisStore]
    const redis = await connected(t, `test${prefixes}:`)
    const channels = new Channels(redis)
    const followers = new Followers('another', new Commands(redis, bounds), channels, async () => {})
    for (const errorType of ['not_found', 'store_unavailable'] as const) {
      const recording = await begun(one)
      const reading = await followers.recording(recording.id).read(start, forever)
      const failed = t.rejects(told(reading), new GatewayError(errorType))
      const about = `test${prefixes}:r:${recording.id}`
      await redis.commands.del(about)
      if (errorType === 'store_unavailable') await redis.commands.set(about, 'no hash')
      await followers.tick()
      await failed
    }
    await followers.tick()
    channels.close()
  })

  test('word of what is not here, or over, changes nothing', async t => {
    const [one] = await stores(t, {}, 1) as [RedisStore]
    const redis = await connected(t, '')
    const readers: number[] = []
    const elsewhere: number[] = []
    const recording = await begun(one, { ...idle, watched: now => elsewhere.push(now) })
    const held = new HeldRecording(one, { ...idle, watched: now => readers.push(now) }, { id: 'x', owner: 'y', holder: 'z' })
    await held.fail(new GatewayError('stopped'))
    held.readElsewhere('another', 1)
    t.strictSame(readers, [])
    const [channel = ''] = await redis.commands.call('PUBSUB', 'CHANNELS', `test${prefixes}:n:*`) as string[]
    for (const message of ['s unknown', 'r unknown another 1', `r ${recording.id} another 1`]) t.equal(await redis.commands.publish(channel, message), 1)
    await until(() => elsewhere.length > 0)
    await recording.finish(whole)
    t.equal(await recording.isOver(), true)
    one.relieve()
  })

  test('a lease is renewed for as long as its answer is written', async t => {
    const [one, other] = await stores(t, { lease: 300 }) as [RedisStore, RedisStore]
    const redis = await connected(t, '')
    const recording = await begun(one)
    const left = async (): Promise<number> => await redis.commands.pttl(`test${prefixes}:l:${recording.id}`)
    let least = await left()
    await until(async () => {
      const now = await left()
      if (now > least) return true
      least = now
      return false
    })
    t.equal(await (await other.find(recording.id, 'me'))?.isOver(), false)
  })
}
