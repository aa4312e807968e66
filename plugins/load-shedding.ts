import type { onRequestAsyncHookHandler } from 'fastify'
import fp from 'fastify-plugin'
import { GatewayError } from '../lib/errors.ts'
import { Pressure, type PressureLimits } from '../lib/limits/pressure.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** An `onRequest` hook for routes that begin something new: it refuses while the process has more to do than it can do in time. */
    readonly shedLoad: onRequestAsyncHookHandler
    /** Whether {@link shedLoad} refuses at the moment. */
    isUnderPressure (): boolean
    /** What gives memory back when the heap is nearly full, before anything is refused for it. What one throws is logged. */
    readonly heapReliefs: Array<() => void>
  }
}

const LIMITS: Omit<PressureLimits, 'delay'> = {
  // Above this, V8 spends more and more time on garbage collection; at the heap limit the process dies with all its answers.
  heap: 0.85,
  interval: 1_000
}

/** Refuses new answers while the process is overloaded, before those in flight suffer. All other routes, health first, are served. */
export default fp(async function loadShedding (app) {
  const pressure = new Pressure({ ...LIMITS, delay: app.config.MAX_LOOP_DELAY_MS }, app.log)
  app.decorate('heapReliefs', pressure.reliefs)
  app.decorate('isUnderPressure', () => pressure.isHigh)
  app.decorate('shedLoad', async () => {
    if (pressure.isHigh) throw new GatewayError('overloaded')
  })
  // Begins after the start, whose work is no overload.
  app.addHook('onReady', async () => pressure.start())
  app.addHook('onClose', async () => pressure.stop())
}, { name: 'load-shedding', dependencies: ['config', 'errors'] })
