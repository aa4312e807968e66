import { createServer } from 'node:http'
import Fastify, { type FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import { isLoopback } from '../lib/loopback.ts'
import { StartError } from '../lib/start-error.ts'

/** Options of the plugin. */
export interface MetricsPortOptions {
  /** What is served there. */
  readonly plugins: ReadonlyArray<FastifyPluginAsync<{ ownPort: boolean }>>
}

/**
 * Serves the metrics on `METRICS_PORT`, when that is set: a listener of its own, which neither a drain nor a full main port
 * closes. It is there before the gateway listens, goes when the gateway has closed, and keeps no process alive.
 */
export default fp<MetricsPortOptions>(async function metricsPort (app, { plugins }) {
  const { AUTH_MODE, HOST, METRICS_PORT, PORT } = app.config
  if (METRICS_PORT === '') return
  const port = Number(METRICS_PORT)
  if (port > 65_535) throw new StartError('METRICS_PORT must be <= 65535')
  if (port === PORT && port !== 0) throw new StartError('METRICS_PORT must be another port than PORT; empty, the metrics are on PORT')
  if (AUTH_MODE === '' && !isLoopback(HOST)) throw new StartError(`AUTH_MODE must be none, api-key or jwt to listen on ${HOST}: without it the gateway serves loopback addresses only`)

  const server = Fastify({
    // Scrapes are like probes: nobody reads a line for each.
    loggerInstance: app.log.child({}, { level: 'warn' }),
    forceCloseConnections: true,
    // Nothing but short requests without a body come here.
    serverFactory: handler => createServer({ requestTimeout: 10_000 }, handler).unref()
  })
  server.decorate('config', app.config).decorate('metrics', app.metrics)
  for (const plugin of plugins) await server.register(plugin, { ownPort: true })

  app.addHook('onReady', async () => {
    const url = await server.listen({ host: HOST, port })
    app.log.info({ url: `${url}/metrics` }, 'metrics are served')
  })
  app.addHook('onClose', () => server.close())
}, { name: 'metrics-port', dependencies: ['config', 'metrics'] })
