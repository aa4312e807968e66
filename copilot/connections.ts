import type { FastifyInstance } from 'fastify'

/** How often connections without a request are closed while the application closes, in milliseconds. */
const SWEEP = 50

/**
 * Lets the application close as soon as its last answer has ended. Node's own `server.close()` waits for connections that a
 * caller holds open: for one whose answer ended after the listener closed, and for one on which nothing was ever asked.
 */
export function releaseConnections (app: FastifyInstance): void {
  let inFlight = 0
  app.addHook('onRequest', async (_request, reply) => {
    inFlight++
    reply.raw.once('close', () => { inFlight-- })
  })
  app.addHook('preClose', async () => {
    const sweep = setInterval(() => {
      if (inFlight === 0) app.server.closeAllConnections()
      else app.server.closeIdleConnections()
    }, SWEEP)
    app.server.once('close', () => clearInterval(sweep))
  })
}
