import type { Server } from 'node:http'
import fp from 'fastify-plugin'
import { keepFurtherServers, watchFurtherServers } from '../lib/further-servers.ts'

/** The events of the first server that further servers need listeners for; without one, Node answers by itself or ends the process. */
const EVENTS = ['clientError', 'checkExpectation', 'connect', 'drop']

/** The servers that a gateway already handles; with several gateways in one application, one of them is enough. */
const taken = new WeakSet<Server>()

/** Makes every address of `localhost` behave as the first: Fastify creates a server of its own for each further address (`::1` besides `127.0.0.1`), without our listeners and limits. */
export default fp(async function secondAddress (app) {
  const first = app.server
  const unwatch = watchFurtherServers(first, {
    found (server) {
      const events = EVENTS.filter(() => !taken.has(server))
      taken.add(server)
      // Fastify has them told to the first, where nobody waits for any: such a request would hang, and its end would be the process's.
      server.removeAllListeners('upgrade')
      for (const event of events) server.on(event, (...args) => first.emit(event, ...args))
      // Until it listens, Fastify handles its errors.
      server.once('listening', () => server.on('error', error => first.emit('error', error)))
      server.maxConnections = first.maxConnections
    },
    connected: socket => app.accepted(socket)
  })

  app.addHook('onListen', async () => {
    keepFurtherServers(first)
  })
  app.addHook('onClose', async () => unwatch())
}, { name: 'second-address', dependencies: ['unrouted', 'client-errors', 'connections'] })
