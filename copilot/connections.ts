import type { Server } from 'node:http'
import type { FastifyInstance } from 'fastify'
import { keepFurtherServers, watchFurtherServers } from '../lib/further-servers.ts'

/** How often connections without a request are closed while the application closes, in milliseconds. */
const SWEEP = 50

/** Logs when the listener cannot accept a connection because descriptors ran out; unhandled, that error would end the process. */
export function surviveAcceptErrors (app: FastifyInstance): void {
  const survive = (server: Server) => { server.on('error', err => app.log.error({ err }, 'a connection could not be accepted')) }
  const unwatch = watchFurtherServers(app.server, { found: server => { server.once('listening', () => survive(server)) } })
  // Until it listens, Fastify handles its errors.
  app.server.once('listening', () => survive(app.server))
  app.addHook('onListen', async () => keepFurtherServers(app.server))
  app.addHook('onClose', async () => unwatch())
}

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
