import type { Server } from 'node:http'
import { type FastifyHttpOptions, type FastifyInstance, LogController } from 'fastify'
import fp from 'fastify-plugin'
import { loggerOptions } from './lib/logger-options.ts'
import { requestId } from './lib/request-id.ts'
import { trustProxy } from './lib/trust-proxy.ts'
import accessLog from './plugins/access-log.ts'
import auth from './plugins/auth.ts'
import companion from './plugins/companion.ts'
import config, { type ConfigOptions, type Environment, readEnvironment } from './plugins/config.ts'
import copilot from './plugins/copilot.ts'
import cors from './plugins/cors.ts'
import delivery from './plugins/delivery.ts'
import docs from './plugins/docs.ts'
import errors, { onClientError, onFrameworkError } from './plugins/errors.ts'
import host from './plugins/host.ts'
import lifecycle from './plugins/lifecycle.ts'
import metrics from './plugins/metrics.ts'
import metricsPort from './plugins/metrics-port.ts'
import page, { type PageOptions } from './plugins/page.ts'
import loadShedding from './plugins/load-shedding.ts'
import rateLimit from './plugins/rate-limit.ts'
import resume from './plugins/resume.ts'
import securityHeaders from './plugins/security-headers.ts'
import slots from './plugins/slots.ts'
import tracing from './plugins/tracing.ts'
import validation from './plugins/validation.ts'
import chat from './routes/chat.ts'
import health from './routes/health.ts'
import metricsRoute from './routes/metrics.ts'
import models from './routes/models.ts'
import resumeRoutes from './routes/resume.ts'

/** The whole gateway as one Fastify plugin. The list is the architecture: what stands lower builds on what stands above. */
async function gateway (app: FastifyInstance, options: ConfigOptions & PageOptions): Promise<void> {
  // What everything else asks for.
  await app.register(config, options)
  await app.register(errors)
  await app.register(validation)

  // Counts replies, whatever below has refused or answered them.
  await app.register(metrics)

  // What every reply has; before anything that may refuse, so that a page can read the refusal.
  await app.register(cors)
  await app.register(securityHeaders)

  // The life of a request, and who it is for.
  await app.register(lifecycle)
  // Behind the lifecycle, which knows how a reply ended; before the routes, each of which it has to see.
  await app.register(tracing)
  await app.register(auth)
  await app.register(accessLog)
  await app.register(host)

  // Who may take how much.
  await app.register(rateLimit)
  await app.register(slots)

  // The other end.
  await app.register(companion)
  await app.register(copilot)

  // What the operator sees of it: closed behind what stands lower, so that a drain can be watched to its end.
  await app.register(metricsPort, { plugins: [errors, host, metricsRoute] })

  // How an answer gets from there to here.
  await app.register(resume)
  await app.register(delivery)

  // What there is to ask for.
  await app.register(docs)
  await app.register(page, options)
  await app.register(health)
  if (!app.config.METRICS_PORT) await app.register(metricsRoute)
  // Behind all that takes the process a while to start with, which is no pressure.
  await app.register(loadShedding)
  await app.register(async api => {
    api.addHook('onRequest', api.limitFailures(api.authenticate))
    api.addHook('onRequest', api.limitRate)
    await api.register(chat)
    await api.register(resumeRoutes)
    await api.register(models)
  }, { prefix: '/api' })
}

export default fp(gateway, { name: 'copilot-stream-gateway', fastify: '5.x' })

/** What one connection may cost: milliseconds, requests, bytes. */
export interface ConnectionBounds {
  readonly headersTimeout: number
  readonly requestTimeout: number
  readonly connectionsCheckingInterval: number
  readonly keepAliveTimeout: number
  readonly connectionTimeout: number
  readonly maxRequestsPerSocket: number
  readonly maxHeaderSize: number
}

/** All but one are about what comes before an answer; an answer's own bounds are settings, and know what they wait for. */
const BOUNDS: ConnectionBounds = {
  // From a connection, or the first byte of its next request, to the end of the headers, which are a few packets.
  headersTimeout: 20_000,
  // From there to the end of the body: 1 MiB at 140 kbit/s.
  requestTimeout: 60_000,
  // How often Node looks for those that are late; its own half a minute would more than double the first.
  connectionsCheckingInterval: 5_000,
  // Longer than the 60 s of most balancers, so that it is they who close, and never under a request. A drain does not wait for it.
  keepAliveTimeout: 72_000,
  // Off: it would cut an answer at a silence. Silent upstreams and readers that take nothing are the lifecycle's and the client's to judge.
  connectionTimeout: 0,
  // All of them may be sent at once, behind an answer that takes minutes, and each is held until then. The last reply says that it is the last.
  maxRequestsPerSocket: 100,
  // Node's own, whatever NODE_OPTIONS say.
  maxHeaderSize: 16 * 1024
}

/** What the Fastify instance that the gateway is registered on needs, for a given environment; `bounds` replaces some of its own. */
export function serverOptions (environment: Environment, bounds: Partial<ConnectionBounds> = {}) {
  const { headersTimeout, connectionsCheckingInterval, maxHeaderSize, ...more } = { ...BOUNDS, ...bounds }
  return {
    ...more,
    http: { headersTimeout, connectionsCheckingInterval, maxHeaderSize },
    logger: loggerOptions(environment.LOG_LEVEL, process.stdout.isTTY),
    // One line at the end of a request says more than Fastify's two (plugins/access-log.ts).
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    genReqId: requestId,
    trustProxy: trustProxy(environment.TRUST_PROXY || 'false') ?? false,
    // While draining, the lifecycle says who is served and who is not.
    return503OnClosing: false,
    clientErrorHandler: onClientError,
    frameworkErrors: onFrameworkError
  } satisfies FastifyHttpOptions<Server>
}

/** The options of the Fastify instance for this process; `fastify start -o` reads them. */
export const options = serverOptions(readEnvironment())
