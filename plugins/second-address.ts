import type { Server } from 'node:http'
import fp from 'fastify-plugin'
import { keepFurtherServers, watchFurtherServers } from '../lib/further-servers.ts'

/** What the first server has listeners for, without which Node answers by itself, or ends the process. */
const EVENTS = ['clientError', 'checkExpectation', 'connect', 'drop']

/** Those that a gateway has taken on: of several in one application, one is enough. */
const taken = new WeakSet<Server>()

/** Has every address of `localhost` answer as the first does, within the same bounds: Fastify makes a server of its own for each further one. */
export default fp(async function secondAddress (app) {
  const first = app.server
  const unwatch = watchFurtherServers(first, {
    found (server) {
      const events = EVENTS.filter(() => !taken.has(server))
      taken.add(server)
      // Fastify has them told to the first, where nobody waits for any: such a request would hang, and its end would be the process's.
      server.removeAllListeners('upgrade')
      for (const event of events) server.on(event, (...args) => first.emit(event, ...args))
      // Until it listens, its errors are Fastify's.
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
