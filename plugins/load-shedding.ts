import { getHeapStatistics } from 'node:v8'
import underPressure from '@fastify/under-pressure'
import type { onRequestAsyncHookHandler } from 'fastify'
import fp from 'fastify-plugin'
import { GatewayError } from '../lib/errors.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** An `onRequest` hook for routes that begin something new: it refuses while the process has more to do than it can do in time. */
    readonly shedLoad: onRequestAsyncHookHandler
  }
}

/**
 * How late timers are, on average over a sample, in milliseconds. A tenth of that is what a busy gateway shows; at this,
 * each chunk of every answer is late enough for its reader to see, and what is new would make it worse for all.
 */
const MAX_DELAY_MS = 250
/** How much of the heap may be in use. Above, V8 collects garbage more and more, and at the limit the process ends with all its answers. */
const MAX_HEAP = 0.85
/** How often to look, in milliseconds. One pause that is shorter, of a start or a garbage collection, is then no pressure yet. */
const SAMPLE_MS = 1_000

/** Refuses new answers before those in flight suffer. Whatever else is asked, health first of all, is answered. */
export default fp(async function loadShedding (app) {
  await app.register(underPressure, {
    maxEventLoopDelay: MAX_DELAY_MS,
    maxHeapUsedBytes: getHeapStatistics().heap_size_limit * MAX_HEAP,
    sampleInterval: SAMPLE_MS,
    // It would refuse every route, health first of all; only those with the hook below are.
    pressureHandler: () => {}
  })
  app.decorate('shedLoad', async () => {
    if (app.isUnderPressure()) throw new GatewayError('overloaded')
  })
}, { name: 'load-shedding', dependencies: ['errors'] })
