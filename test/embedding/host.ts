import Fastify, { type FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import gateway, { type GatewayOptions } from '../../app.ts'

/** An application of somebody else's, which has routes, errors and a hook of its own. It closes with the test. */
export function host (t: Test): FastifyInstance {
  const app = Fastify()
  t.teardown(() => app.close().catch(() => {}))
  app.addHook('onRequest', async (_request, reply) => { reply.header('x-host', 'yes') })
  app.setErrorHandler(async (error, _request, reply) => await reply.code(418).send({ teapot: String(error) }))
  app.setNotFoundHandler(async (_request, reply) => await reply.code(404).send({ host: 'has no such thing' }))
  app.get('/', async () => 'the host')
  app.get('/health', async () => ({ host: 'is well' }))
  app.get('/broken', async () => { throw new Error('of the host') })
  return app
}

/** Registers a gateway on a host, without a page and with what other tests have, too: nothing of this machine's environment. */
export async function embed (app: FastifyInstance, options: GatewayOptions & { prefix?: string }): Promise<void> {
  await app.register(gateway, { environment: {}, page: false, ...options })
}
