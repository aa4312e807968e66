import fp from 'fastify-plugin'
import { connectRedis, type SharedRedis } from '../lib/redis/client.ts'
import { StartError } from '../lib/start-error.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** The Redis that this gateway shares with others; undefined where `REDIS_URL` is empty. */
    readonly redis: SharedRedis | undefined
  }
}

/** Connects to the Redis of `REDIS_URL`. One that is not there stops no start; the log says when it is lost, and when it is back. */
export default fp(async function redis (app) {
  const { REDIS_URL: url, REDIS_KEY_PREFIX: prefix } = app.config
  const redis = url
    ? await connectRedis({ url, prefix }, {
      lost: reason => app.log.warn({ reason }, 'Redis is lost: new answers are not kept, and this process limits callers by its own counts'),
      back: () => app.log.info('Redis is back')
      // The original message is dropped, because it may repeat credentials of the URL.
    }).catch(() => { throw new StartError('REDIS_URL must be a URL whose credentials are percent-encoded') })
    : undefined
  app.decorate('redis', redis)
  app.addHook('onClose', async () => { await redis?.close() })
}, { name: 'redis', dependencies: ['config'] })
