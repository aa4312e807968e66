import fp from 'fastify-plugin'
import { Exchange } from '../lib/answer/exchange.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The story of this request's reply. */
    exchange: Exchange
  }
}

/** Follows every request from its arrival to the end of its reply, and names it. */
export default fp(async function exchange (app) {
  app.decorateRequest('exchange', null, [])
  app.addHook('onRequest', async (request, reply) => {
    const exchange = new Exchange(reply.raw, error => request.log.error({ err: error }, 'the end of a request was not told to all'))
    request.exchange = exchange
    // The only event that comes for every way a reply can end; Fastify's hooks miss a client that leaves mid-stream.
    // Before all who want to know then how it ended, wherever they stand.
    reply.raw.prependOnceListener('close', () => exchange.settle())
    reply.header('X-Request-Id', request.id)
  })
}, { name: 'exchange' })
