import fp from 'fastify-plugin'
import { Exchange } from '../lib/answer/exchange.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The story of this request's reply. */
    exchange: Exchange
  }
}

/** Gives every request its exchange, the record of its reply, and sends its id in `X-Request-Id`. */
export default fp(async function exchange (app) {
  app.decorateRequest('exchange', null, [])
  app.addHook('onRequest', async (request, reply) => {
    const exchange = new Exchange(reply.raw, error => request.log.error({ err: error }, 'the end of a request was not told to all'))
    request.exchange = exchange
    // `close` is the only event that comes for every way a reply can end: Fastify's hooks miss a client that leaves mid-stream.
    // Prepended, so that the exchange is settled before other listeners ask how the reply ended.
    reply.raw.prependOnceListener('close', () => exchange.settle())
    reply.header('X-Request-Id', request.id)
  })
}, { name: 'exchange' })
