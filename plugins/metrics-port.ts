import { createServer } from 'node:http'
import Fastify, { type FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import { explainListen, metricsPort as portOf } from '../lib/settings/listeners.ts'

/** Options of the plugin. */
export interface MetricsPortOptions {
  /** What is served there. */
  readonly plugins: ReadonlyArray<FastifyPluginAsync<{ ownPort: boolean }>>
}

/** The most connections; enough for scrapers, and idle ones are closed soon. */
const MAX_CONNECTIONS = 16

/**
 * Serves the metrics on `METRICS_PORT`, when that is set: a listener of its own, which neither a drain nor a full main port
 * closes. It is there before the gateway listens, goes when the gateway has closed, and keeps no process alive.
 */
export default fp<MetricsPortOptions>(async function metricsPort (app, { plugins }) {
  const port = portOf(app.config)
  if (port === undefined) return

  const server = Fastify({
    // Scrapes come every few seconds, and nobody reads a log line for each.
    loggerInstance: app.log.child({}, { level: 'warn' }),
    forceCloseConnections: true,
    // Only short requests without a body are expected here.
    serverFactory: handler => createServer({ requestTimeout: 10_000, connectionsCheckingInterval: 5_000 }, handler).unref()
  })
  server.decorate('config', app.config).decorate('metrics', app.metrics)
  for (const plugin of plugins) await server.register(plugin, { ownPort: true })

  app.addHook('onReady', async () => {
    const url = await server.listen({ host: app.config.HOST, port }).catch((error: unknown) => { throw explainListen(error, 'METRICS_PORT') })
    server.server.maxConnections = MAX_CONNECTIONS
    // A listener emits this when it cannot accept because descriptors ran out; unhandled, it would end the process.
    server.server.on('error', err => app.log.error({ err }, 'a connection to the metrics could not be accepted'))
    app.log.info({ url: `${url}/metrics` }, 'metrics are served')
  })
  app.addHook('onClose', () => server.close())
}, { name: 'metrics-port', dependencies: ['config', 'metrics'] })
