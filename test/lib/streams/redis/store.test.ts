import t from 'tap'
import { connectRedis } from '../../../../lib/redis/client.ts'
import { RedisStore } from '../../../../lib/streams/redis/store.ts'
import { redisServer } from '../../../redis.ts'
import { testRecordingStore } from '../contract.ts'

const bounds = { ttl: 60_000, maxBytes: 1_000_000, maxRecordingBytes: 100_000, lease: 60_000 }

const server = await redisServer(t)

if (server) {
  let stores = 0
  testRecordingStore('in Redis', async (t, changed) => {
    const redis = await connectRedis({ url: server.url, prefix: `test${++stores}:` }, { lost: t.fail, back: t.fail })
    const store = new RedisStore({ redis, ...bounds, ...changed })
    t.teardown(async () => {
      await store.close()
      await redis.close()
    })
    return store
  })
}
