import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { serverOptions } from './lib/server-options.ts'
import accessLog from './plugins/access-log.ts'
import auth from './plugins/auth.ts'
import clientErrors from './plugins/client-errors.ts'
import companion from './plugins/companion.ts'
import config, { type ConfigOptions, readEnvironment } from './plugins/config.ts'
import connections from './plugins/connections.ts'
import copilot from './plugins/copilot.ts'
import cors from './plugins/cors.ts'
import delivery from './plugins/delivery.ts'
import docs from './plugins/docs.ts'
import drain from './plugins/drain.ts'
import errors from './plugins/errors.ts'
import exchange from './plugins/exchange.ts'
import host from './plugins/host.ts'
import metrics from './plugins/metrics.ts'
import metricsPort from './plugins/metrics-port.ts'
import page, { type PageOptions } from './plugins/page.ts'
import loadShedding from './plugins/load-shedding.ts'
import pipelining from './plugins/pipelining.ts'
import rateLimit from './plugins/rate-limit.ts'
import resume from './plugins/resume.ts'
import securityHeaders from './plugins/security-headers.ts'
import slots from './plugins/slots.ts'
import stall from './plugins/stall.ts'
import tracing from './plugins/tracing.ts'
import unrouted from './plugins/unrouted.ts'
import validation from './plugins/validation.ts'
import chat from './routes/chat.ts'
import health from './routes/health.ts'
import metricsRoute from './routes/metrics.ts'
import models from './routes/models.ts'
import openai from './routes/openai.ts'
import resumeRoutes from './routes/resume.ts'

/** The whole gateway as one Fastify plugin. The list is the architecture: what stands lower builds on what stands above. */
async function gateway (app: FastifyInstance, options: ConfigOptions & PageOptions): Promise<void> {
  // What everything else asks for.
  await app.register(config, options)
  await app.register(exchange)
  await app.register(errors)
  await app.register(validation)

  // Who asks, and what is told of it: of every reply, whatever below has refused or answered it.
  await app.register(tracing)
  await app.register(auth)
  await app.register(accessLog)
  await app.register(metrics)

  // What every reply has; before anything that may refuse, so that a page can read the refusal.
  await app.register(cors)
  await app.register(securityHeaders)

  // The life of a connection.
  await app.register(pipelining)
  await app.register(connections)
  await app.register(stall)
  await app.register(unrouted)
  await app.register(clientErrors)
  await app.register(drain)
  await app.register(host)

  // Who may take how much.
  await app.register(rateLimit)
  await app.register(slots)

  // The other end.
  await app.register(companion)
  await app.register(copilot)

  // What the operator sees of it: closed behind what stands lower, so that a drain can be watched to its end.
  await app.register(metricsPort, { plugins: [exchange, errors, host, metricsRoute] })

  // How an answer gets from there to here.
  await app.register(resume)
  await app.register(delivery)

  // What there is to ask for.
  await app.register(docs)
  await app.register(page, options)
  await app.register(health)
  if (!app.config.METRICS_PORT) await app.register(metricsRoute)
  await app.register(loadShedding)
  await app.register(async api => {
    api.addHook('onRequest', api.limitFailures(api.authenticate))
    api.addHook('onRequest', api.limitRate)
    await api.register(chat, { prefix: '/api' })
    await api.register(resumeRoutes, { prefix: '/api' })
    await api.register(models, { prefix: '/api' })
    await api.register(openai, { prefix: '/v1' })
  })
}

export default fp(gateway, { name: 'copilot-stream-gateway', fastify: '5.x' })

// Whoever registers the gateway on a Fastify instance of its own needs both.
export { serverOptions }

/** The options of the Fastify instance for this process; `fastify start -o` reads them. */
export const options = serverOptions(readEnvironment())
