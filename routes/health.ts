import fp from 'fastify-plugin'
import type { ServiceStatus } from '../lib/copilot/upstream.ts'
import pkg from '../package.json' with { type: 'json' }

/** What is told of one service: not its connections, which the metrics tell. */
function told ({ sockets, ...status }: ServiceStatus): Omit<ServiceStatus, 'sockets'> {
  return status
}

/** The health routes for probes: existence, liveness, readiness. */
export default fp(async function health (app) {
  app.get('/health', async () => ({ ok: true, service: 'gateway', version: pkg.version, uptime: Math.round(process.uptime()) }))

  app.get('/health/live', async () => ({ ok: true }))

  app.get('/health/ready', async (_request, reply) => {
    const ready = app.lifecycle.phase === 'serving'
    reply.code(ready ? 200 : 503)
    // A service that is down is reported and does not make the gateway unready: the load balancer would take out every replica at once.
    // What asks is in flight itself, and nothing that a drain or a balancer would wait for.
    return { ready, phase: app.lifecycle.phase, inFlight: app.lifecycle.inFlight - 1, upstream: app.copilot.health, upstreams: app.copilot.services.map(told) }
  })
}, { name: 'health', encapsulate: true, dependencies: ['client-errors', 'stall', 'drain', 'host', 'copilot'] })
