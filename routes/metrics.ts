import type { FastifyPluginAsync } from 'fastify'
import { bearerOf, tokenCheck } from '../lib/auth/token.ts'
import { GatewayError } from '../lib/errors.ts'

/** `GET /metrics`: what the gateway has counted, for Prometheus. On a port that asks who is calling, it needs a token of its own, or is not there. */
const metrics: FastifyPluginAsync = async app => {
  const { AUTH_MODE, METRICS_PORT, METRICS_TOKEN } = app.config
  const open = METRICS_PORT !== '' || AUTH_MODE === '' || AUTH_MODE === 'none'
  if (!open && !METRICS_TOKEN) return

  const isToken = tokenCheck(METRICS_TOKEN)
  app.get('/metrics', {
    onRequest: async ({ headers }) => {
      if (METRICS_TOKEN && !isToken(bearerOf(headers.authorization) ?? '')) throw new GatewayError('unauthenticated')
    }
  }, async (_request, reply) => await reply.type(app.metrics.contentType).send(await app.metrics.text()))
}

export default metrics
