import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { Metrics } from '../lib/metrics/metrics.ts'
import { labelsOf, summarize } from '../lib/settings/summary.ts'

declare module 'fastify' {
  interface FastifyInstance { readonly metrics: Metrics }
}

/** What cuts an answer in flight, which counts as such, and refuses a request that comes later. */
const CUTTING = ['draining', 'store_unavailable']

/** Counts every reply when it is over, those that any plugin refused included. */
export default fp(async function metrics (app) {
  const { MAX_STREAMS, MAX_STREAMS_PER_CALLER, RATE_LIMIT_MAX, RESUME_MAX_BYTES, METRICS_CALLERS } = app.config
  const limits = { MAX_STREAMS, MAX_STREAMS_PER_CALLER, RATE_LIMIT_MAX, RESUME_MAX_BYTES }
  const { redis } = app
  const metrics = new Metrics({
    build: labelsOf(summarize(app.config)),
    limits,
    inFlight: () => app.slots.taken,
    services: () => app.copilot.services,
    ...(redis && { storeUp: () => redis.up })
  })

  app.decorate('metrics', metrics)
  // The services are known once everything is registered.
  app.addHook('onReady', async () => metrics.expect(app.copilot.services.map(({ url }) => url)))
  app.addHook('onRequest', async (request, reply) => {
    const { exchange } = request
    exchange.onOver(() => count(request, reply))
    exchange.onAnswered(story => metrics.answer(story, exchange.protocol, METRICS_CALLERS === 'on' ? request.caller?.id : undefined))
  })

  function count ({ exchange, routeOptions }: FastifyRequest, reply: FastifyReply): void {
    const { bytes, duration, ended, failure, firstByteAfter, kind } = exchange
    metrics.reply(routeOptions.url, reply.raw.headersSent ? reply.statusCode : undefined)
    // A reader who was shown that the connection is alive was answered, whatever failed behind that.
    if (kind && reply.statusCode === 200) metrics.bytes(bytes)
    if (kind && ended === 'client_left' && firstByteAfter === null) metrics.left(duration)
    if (!failure) return
    if (failure.ended === 'complete' || (CUTTING.includes(failure.errorType) && !kind)) metrics.refusal(failure)
    if (!kind) metrics.failure(failure)
  }
}, { name: 'metrics', dependencies: ['config', 'redis', 'exchange', 'errors'] })
