import type { Socket } from 'node:net'
import fp from 'fastify-plugin'
import { descriptorLimit, type DescriptorRoom, descriptorRoom } from '../lib/limits/descriptors.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** How many connections and answers the descriptors of this process are enough for. */
    readonly descriptorRoom: DescriptorRoom
    /** Counts a connection that did not come to the first server as if it had. */
    accepted (socket: Socket): void
  }
}

/** Refused connections are logged at most once in this many milliseconds. */
const QUIET_MS = 60_000

/**
 * Limits connections by the file descriptors of the process, so that new clients cannot take those that answers in flight and
 * connections to the Copilot service need. At the limit, idle connections are closed: first those that never sent a request, then
 * the oldest. When every connection waits for an answer, new ones are refused.
 */
export default fp(async function connections (app) {
  // One to the reader, one to the service, and its own end of that one where the service is in this process.
  const room = descriptorRoom(descriptorLimit(), app.config.COPILOT_SERVICE_URL ? 2 : 3)
  app.decorate('descriptorRoom', room)
  if (room.answers < app.config.MAX_STREAMS) {
    app.log.warn(room, 'there are fewer descriptors (ulimit -n) than MAX_STREAMS needs')
  }

  const { server } = app
  const sockets = new Set<Socket>()
  if (room.connections < Infinity) server.maxConnections = room.connections
  server.on('connection', accept)
  app.decorate('accepted', accept)

  function accept (socket: Socket): void {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    if (sockets.size >= room.connections) closeIdle(socket)
    // Each server has a limit of its own; this one is for all of them together.
    if (sockets.size <= room.connections) return
    socket.destroy()
    noteRefusal()
  }

  /** Makes room for several at once, so that a crowd does not have all connections looked through for each. */
  function closeIdle (newcomer: Socket): void {
    const waiting = [...sockets].filter(socket => socket !== newcomer && app.repliesOn(socket).length === 0)
    const asked = (socket: Socket) => socket.bytesRead > 0 ? 1 : 0
    waiting.sort((one, other) => asked(one) - asked(other))
    for (const socket of waiting.slice(0, Math.ceil(room.connections / 10))) {
      sockets.delete(socket)
      socket.destroy()
    }
  }

  let refused = 0
  let toldAt = -Infinity
  server.on('drop', noteRefusal)

  function noteRefusal (): void {
    refused++
    if (performance.now() - toldAt < QUIET_MS) return
    toldAt = performance.now()
    app.log.warn({ refused, ...room }, 'connections are refused: all there may be wait for answers')
  }

  app.addHook('onListen', async () => {
    // A listener emits this when it cannot accept because descriptors ran out; unhandled, it would end the process.
    server.on('error', err => app.log.error({ err }, 'a connection could not be accepted'))
  })
}, { name: 'connections', dependencies: ['config', 'pipelining'] })
