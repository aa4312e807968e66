import type { FastifyInstance } from 'fastify'
import { isFastifyCli } from './lib/fastify-cli.ts'
import type { GatewayOptions } from './lib/gateway-options.ts'
import { serverOptions } from './lib/server-options.ts'
import type { Environment } from './lib/settings/collect.ts'
import { StartError } from './lib/start-error.ts'
import accessLog from './plugins/access-log.ts'
import auth from './plugins/auth.ts'
import clientErrors from './plugins/client-errors.ts'
import budget from './plugins/budget.ts'
import companion from './plugins/companion.ts'
import config, { readEnvironment } from './plugins/config.ts'
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
import page from './plugins/page.ts'
import loadShedding from './plugins/load-shedding.ts'
import pipelining from './plugins/pipelining.ts'
import rateLimit from './plugins/rate-limit.ts'
import redis from './plugins/redis.ts'
import reload from './plugins/reload.ts'
import resume from './plugins/resume.ts'
import secondAddress from './plugins/second-address.ts'
import securityHeaders from './plugins/security-headers.ts'
import slots from './plugins/slots.ts'
import stall from './plugins/stall.ts'
import tracing from './plugins/tracing.ts'
import unrouted from './plugins/unrouted.ts'
import validation from './plugins/validation.ts'
import api from './routes/api.ts'
import health from './routes/health.ts'
import metricsRoute from './routes/metrics.ts'

/** The parts of the gateway in their order of registration. A part may use what is registered above it, and declares that in its `dependencies`. */
export const parts: ReadonlyArray<(app: FastifyInstance, options: GatewayOptions) => PromiseLike<unknown>> = [
  // What everything else depends on.
  (app, options) => app.register(config, options),
  app => app.register(exchange),
  app => app.register(errors),
  app => app.register(validation),
  // What others keep in it is closed before it.
  app => app.register(redis),

  // Who is calling, and what is recorded of every reply: before anything that may refuse a request.
  app => app.register(tracing),
  app => app.register(auth),
  app => app.register(accessLog),
  app => app.register(metrics),

  // Headers of every reply: before anything that may refuse, so that a page can read the refusal.
  app => app.register(securityHeaders),
  app => app.register(cors),

  // The life of a connection.
  app => app.register(pipelining),
  app => app.register(connections),
  app => app.register(stall),
  app => app.register(unrouted),
  app => app.register(clientErrors),
  app => app.register(secondAddress),
  app => app.register(drain),
  app => app.register(host),

  // Limits.
  app => app.register(rateLimit),
  app => app.register(budget),
  app => app.register(slots),

  // The Copilot service.
  app => app.register(companion),
  app => app.register(copilot),
  app => app.register(reload),

  // The metrics listener: it closes after everything registered below, so that a drain can be watched to its end.
  app => app.register(metricsPort, { plugins: [exchange, errors, host, metricsRoute] }),

  // How answers reach their readers.
  app => app.register(resume),
  app => app.register(delivery),

  // Routes.
  app => app.register(docs),
  (app, options) => app.register(page, options),
  app => app.register(health),
  app => app.register(metricsRoute),
  app => app.register(loadShedding),
  app => app.register(api)
]

/** The whole gateway as one encapsulated Fastify plugin: the application that registers it gets its routes, and no decorator or hook. */
export default async function gateway (app: FastifyInstance, options: GatewayOptions): Promise<void> {
  try {
    for (const register of parts) await register(app, options)
  } catch (error) {
    if (!(error instanceof StartError) || !isFastifyCli(process.argv[1])) throw error
    // fastify-cli leaves a rejection to Node, which shows where it was thrown before it says why.
    app.log.fatal(error.message)
    process.exit(1)
  }
}

// Whoever registers the gateway needs these. No type of this file may come from a plugin, which declares what it decorates
// Fastify with: an application that imports the gateway has decorators of its own, perhaps by the same name.
export { type GatewayOptions, serverOptions }

/** The options of the Fastify instance for this process; `fastify start -o` reads them. */
export const options = serverOptions(startingEnvironment())

/** Falls back to the bare environment when the settings cannot be read: plugins/config.ts reports that in one line, while an import that throws would print a stack. */
function startingEnvironment (): Environment {
  try {
    return readEnvironment()
  } catch {
    return process.env
  }
}
