import type { FastifyInstance } from 'fastify'
import { bearerOf, tokenCheck } from '../lib/auth/bearer-token.ts'
import { GatewayError } from '../lib/errors.ts'
import { CopilotError } from './copilot-error.ts'

/** Requires `Authorization: Bearer <token>` on every route but `GET /health`. */
export function requireToken (app: FastifyInstance, token: string): void {
  const isRight = tokenCheck(token)
  app.addHook('onRequest', async (request, reply) => {
    if (request.routeOptions.url === '/health') return
    const shown = bearerOf(request.headers.authorization)
    if (shown === undefined || !isRight(shown)) {
      reply.header('www-authenticate', 'Bearer')
      throw new CopilotError('unauthenticated', new GatewayError('unauthenticated').message)
    }
  })
}
