import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { Metrics } from '../lib/metrics/metrics.ts'
import { labelsOf, summarize } from '../lib/settings/summary.ts'

declare module 'fastify' {
  interface FastifyInstance { readonly metrics: Metrics }
}

/** Counts every reply once it is over, whatever has refused it, and nothing before. */
export default fp(async function metrics (app) {
  const metrics = new Metrics({ build: labelsOf(summarize(app.config)), inFlight: () => app.slots.taken, sockets: () => app.copilot.sockets })

  app.decorate('metrics', metrics)
  app.addHook('onRequest', async (request, reply) => {
    const { exchange } = request
    exchange.onOver(() => count(request, reply))
    exchange.onAnswered(story => metrics.answer(story, exchange.protocol))
  })

  function count ({ exchange, routeOptions }: FastifyRequest, reply: FastifyReply): void {
    const { answer, bytes, failure, kind } = exchange
    metrics.reply(routeOptions.url, reply.raw.headersSent ? reply.statusCode : undefined)
    if (answer) metrics.bytes(bytes)
    if (!failure) return
    // A drain cuts what had been asked for, and refuses the rest.
    if (failure.ended === 'complete' || (failure.errorType === 'draining' && !kind)) metrics.refusal(failure)
    if (!kind) metrics.failure(failure)
  }
}, { name: 'metrics', dependencies: ['config', 'exchange', 'errors'] })
