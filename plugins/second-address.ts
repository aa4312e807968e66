import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { Server } from 'node:http'
import { Socket } from 'node:net'
import fp from 'fastify-plugin'

/** What the first server has listeners for, without which Node answers by itself, or ends the process. */
const EVENTS = ['clientError', 'checkExpectation', 'connect', 'error']

/**
 * Has every address of `localhost` answer as the first does. Fastify makes a server of its own for each further one and gives
 * nobody a hold of it; Node tells of each connection which server it has come to, before a byte of it is read
 * (`net.server.socket`, https://nodejs.org/api/diagnostics_channel.html#net).
 */
export default fp(async function secondAddress (app) {
  const first = app.server
  const [handler] = first.listeners('request')
  const known = new WeakSet([first])

  function onConnection (message: unknown): void {
    const server = serverOf(message)
    if (!(server instanceof Server) || known.has(server) || server.listeners('request')[0] !== handler) return
    known.add(server)
    // Fastify has them told to the first, where nobody waits for any: such a request would hang, and its end would be the process's.
    server.removeAllListeners('upgrade')
    for (const event of EVENTS) server.on(event, (...args) => first.emit(event, ...args))
  }

  subscribe('net.server.socket', onConnection)
  app.addHook('onClose', async () => { unsubscribe('net.server.socket', onConnection) })
}, { name: 'second-address', dependencies: ['unrouted', 'client-errors'] })

function serverOf (message: unknown): unknown {
  return typeof message === 'object' && message !== null && 'socket' in message && message.socket instanceof Socket && 'server' in message.socket && message.socket.server
}
