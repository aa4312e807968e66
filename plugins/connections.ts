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

/** How long it stays at one line of the log, however many connections are refused, in milliseconds. */
const QUIET_MS = 60_000

/**
 * Bounds connections by the descriptors that the process may have, so that whoever comes is never what answers in flight, or the
 * connections to the Copilot service, run out of them by. When there are as many as may be, some that wait for no answer are closed:
 * first those that never asked for anything, then the oldest. When all wait for one, newcomers are refused.
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
    // Beyond the bound of one server come those of several together.
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
    // Of a listener that cannot accept, for want of descriptors; without a listener for it, it would end the process.
    server.on('error', err => app.log.error({ err }, 'a connection could not be accepted'))
  })
}, { name: 'connections', dependencies: ['config', 'pipelining'] })
