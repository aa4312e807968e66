import type { Socket } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { Metrics } from '../lib/metrics/metrics.ts'

declare module 'fastify' {
  interface FastifyInstance { readonly metrics: Metrics }
}

/** Counts every reply once it is over, whatever has refused it, and nothing before. */
export default fp(async function metrics (app) {
  const metrics = new Metrics({ inFlight: () => app.slots.taken, sockets: () => app.copilot.sockets })
  /** How many bytes of a connection belong to replies that are over. */
  const counted = new WeakMap<Socket, number>()

  app.decorate('metrics', metrics)
  app.addHook('onRequest', async (request, reply) => {
    reply.raw.once('close', () => count(request, reply))
  })

  function count (request: FastifyRequest, reply: FastifyReply): void {
    const { answer, ended, failure, firstByteAfter, form, recorded, routeOptions } = request
    metrics.reply(routeOptions.url, reply.raw.headersSent ? reply.statusCode : undefined)
    // A drain cuts what had been asked for, and refuses the rest.
    if (failure?.ended === 'complete' || (failure?.errorType === 'draining' && !form)) metrics.refusal(failure)

    const { socket } = request.raw
    if (answer) metrics.bytes(socket.bytesWritten - (counted.get(socket) ?? 0))
    counted.set(socket, socket.bytesWritten)

    // An answer that is recorded ends when it is written, not when it has been read.
    if (form && recorded) {
      void recorded.then(({ failure, ...recorded }) => {
        metrics.answer({ ...recorded, protocol: form.protocol, ended: failure?.ended ?? 'complete', failure: failure ?? null })
      })
    } else if (form && !form.resumable && ended) {
      metrics.answer({ answer, protocol: form.protocol, firstByteAfter, endAfter: reply.elapsedTime, ended, failure })
    } else if (!form && failure) {
      metrics.failure(failure)
    }
  }
}, { name: 'metrics', dependencies: ['errors'] })
