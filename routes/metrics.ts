import fp from 'fastify-plugin'
import { bearerOf, tokenCheck } from '../lib/auth/bearer-token.ts'
import { GatewayError } from '../lib/errors.ts'

/** Options of the plugin. */
export interface MetricsRouteOptions {
  /** It is registered on `METRICS_PORT`, where the route is when that is set; otherwise it is where all others are. */
  readonly ownPort?: boolean
}

/** `GET /metrics`: what the gateway has counted, for Prometheus. Where callers have to authenticate, the route exists only with `METRICS_TOKEN`. */
export default fp(async function metricsRoute (app, { ownPort = false }: MetricsRouteOptions) {
  const { AUTH_MODE, METRICS_PORT, METRICS_TOKEN } = app.config
  if (ownPort !== (METRICS_PORT !== '')) return
  const open = ownPort || AUTH_MODE === '' || AUTH_MODE === 'none'
  if (!open && !METRICS_TOKEN) return

  const isToken = tokenCheck(METRICS_TOKEN)
  app.get('/metrics', {
    onRequest: async ({ headers }) => {
      if (METRICS_TOKEN && !isToken(bearerOf(headers.authorization) ?? '')) throw new GatewayError('unauthenticated')
    }
  }, async (_request, reply) => await reply.type(app.metrics.contentType).send(await app.metrics.text()))
}, { name: 'metrics-route', encapsulate: true, dependencies: ['host'], decorators: { fastify: ['config', 'metrics'] } })
