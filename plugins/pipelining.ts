import { ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { FastifyReply } from 'fastify'
import fp from 'fastify-plugin'
import { resetConnection } from '../lib/reset-connection.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** The replies to what a connection has asked, in their order, until they are over. */
    repliesOn (socket: Socket): readonly FastifyReply[]
  }
}

/** Tracks pipelined replies, those that share a connection: a reply that breaks off is cut without harm to the one before it, and the ones behind it are closed instead of waiting for ever. */
export default fp(async function pipelining (app) {
  const connections = new WeakMap<Socket, Set<FastifyReply>>()

  app.decorate('repliesOn', socket => [...connections.get(socket) ?? []])

  app.addHook('onRequest', async ({ exchange, raw: { socket } }, reply) => {
    // A request of `inject` has no connection.
    if (!(socket instanceof Socket)) return
    let replies = connections.get(socket)
    if (!replies) connections.set(socket, replies = new Set())
    replies.add(reply)
    exchange.onOver(() => {
      replies.delete(reply)
      if (!socket.writable) closeQueued(replies)
    })
    // Fastify destroys a reply whose stream fails, which is to cut it and not to take back what was written.
    reply.raw.destroy = () => cutOff(reply)
    // Node only says so by itself: it goes on reading, and answers what comes behind with a 503 of its own.
    if ('maxRequestsOnConnectionReached' in reply.raw && reply.raw.maxRequestsOnConnectionReached) reply.header('Connection', 'close')
  })
}, { name: 'pipelining', dependencies: ['exchange'] })

/** Closes the replies that wait behind another when the connection closes, because Node does not. */
function closeQueued (replies: ReadonlySet<FastifyReply>): void {
  for (const { raw } of replies) {
    if (!raw.socket) raw.destroy().emit('close')
  }
}

/** Cuts an answer: what was written is flushed, and the connection ends without the last chunk. */
function cutOff ({ request, raw }: FastifyReply): FastifyReply['raw'] {
  const { socket, httpVersion } = request.raw
  // What is on the connection is the reply before it, which goes on; Node's own way is to wait for the turn of this one.
  if (!raw.socket) ServerResponse.prototype.destroy.call(raw)
  else if (httpVersion === '1.0') resetConnection(socket)
  else socket.destroySoon()
  return raw
}
