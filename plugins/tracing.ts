import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { Upstream } from '../lib/copilot/upstream.ts'
import { isFailed } from '../lib/errors.ts'
import pkg from '../package.json' with { type: 'json' }
import type { Environment } from './config.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Has every answer of a client make a span when there is tracing, and gives the client back. */
    traceAnswers<Client extends Pick<Upstream, 'answer'>> (client: Client): Client
  }
  interface FastifyRequest {
    /** The trace that the request is a part of, 32 hexadecimal digits; undefined without tracing. */
    traceId: string | undefined
  }
}

/** How long the close of the gateway waits for the collector to take the last spans. */
const FLUSH_TIMEOUT_MS = 3_000

/**
 * Traces what happens under `/api` and `/v1` when `OTEL_EXPORTER_OTLP_ENDPOINT` is set: a span for the request, one for the answer,
 * one for each request to the Copilot service. When it is not set, none of this is loaded.
 */
export default fp(async function tracing (app) {
  app.decorateRequest('traceId', undefined)
  if (app.config.OTEL_EXPORTER_OTLP_ENDPOINT) await traceRequests(app)
  else app.decorate('traceAnswers', client => client)
}, { name: 'tracing', dependencies: ['config', 'exchange'] })

async function traceRequests (app: FastifyInstance): Promise<void> {
  const { context, diag, DiagLogLevel, SpanStatusCode } = await import('@opentelemetry/api')
  const { FastifyOtelInstrumentation } = await import('@fastify/otel')
  const { UndiciInstrumentation } = await import('@opentelemetry/instrumentation-undici')
  const { joinAmbient } = await import('../lib/tracing/ambient.ts')
  const { traceAnswers } = await import('../lib/tracing/answers.ts')
  const { startTelemetry } = await import('../lib/tracing/telemetry.ts')

  // The SDK ignores a setting that it does not understand, and says so here.
  const warn = (message: string): void => app.log.warn(message)
  diag.setLogger({ error: warn, warn, info: warn, debug: warn, verbose: warn }, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true })
  const provider = withEnvironment(app.environment, () =>
    startTelemetry({ name: pkg.name, version: pkg.version }, loss => app.log.warn(loss, 'spans were lost: the collector did not take them')))
  diag.disable()
  const leaveAmbient = joinAmbient()

  // undici reports every request of the process to its instrumentation; only those made within a request of this instance count.
  const ours = Symbol('a request of this gateway')
  const outgoing = new UndiciInstrumentation({ ignoreRequestHook: () => context.active().getValue(ours) !== true })
  outgoing.setTracerProvider(provider)

  const incoming = new FastifyOtelInstrumentation({
    ignorePaths: ({ method, url }) => !['/api/', '/v1/'].some(room => url.startsWith(`${app.prefix}${room}`)) || method === 'OPTIONS',
    // One span for each request, and none for each hook and handler.
    instrumentHooks: false,
    instrumentHandler: false,
    // Exceptions carry stacks and text of the service or the client.
    recordExceptions: false
  })
  incoming.setTracerProvider(provider)
  await app.register(incoming.plugin())

  app.addHook('onRequest', async (request, reply) => {
    const { span } = request.opentelemetry()
    if (!span) return
    const route = request.routeOptions.url ?? ''
    const { end, setStatus } = span
    request.traceId = span.spanContext().traceId
    span.updateName(`${request.method} ${route}`.trim())
    // The route for the path: the path has names of answers in it, the query what got lost there.
    span.setAttributes({ 'url.path': route, 'url.scheme': request.protocol, 'gateway.request.id': request.id })
    // The instrumentation ends it when the headers are sent, and takes a client's mistake for an error of the server.
    span.end = () => {}
    span.setStatus = () => span
    request.exchange.onOver(() => {
      const { ended, failure } = request.exchange
      span.setAttribute('gateway.ended', String(ended))
      // A 4xx is no error of the server's span, whoever made it (semantic conventions for HTTP); of the answer's, it may be.
      if (reply.statusCode >= 500 || (reply.statusCode < 400 && isFailed(ended))) {
        setStatus.call(span, { code: SpanStatusCode.ERROR })
        span.setAttribute('error.type', String(failure?.errorType))
      }
      end.call(span)
    })
  })
  // The async context is lost while a body is parsed; it is restored for the hooks that follow.
  app.addHook('preHandler', (request, _reply, done) => {
    const { context: within } = request.opentelemetry()
    if (within) context.with(within.setValue(ours, true), done)
    else done()
  })

  app.decorate('traceAnswers', client => traceAnswers(client, provider.getTracer(pkg.name, pkg.version)))

  // Runs after the onClose hooks of everything registered later, when the last answers are over.
  app.addHook('onClose', async () => {
    outgoing.disable()
    incoming.disable()
    const late = await Promise.race([provider.shutdown(), sleep(FLUSH_TIMEOUT_MS, true, { ref: false })])
    if (late) app.log.warn('the last spans may be lost: the collector did not take them in time')
    leaveAmbient()
  })
}

/** Runs `use` with the collected settings in `process.env`, because the SDK reads them only there. */
function withEnvironment<Result> (environment: Environment, use: () => Result): Result {
  const { env } = process
  process.env = { ...environment }
  try {
    return use()
  } finally {
    process.env = env
  }
}
