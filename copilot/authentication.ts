import type { FastifyInstance } from 'fastify'
import { createHash, timingSafeEqual } from 'node:crypto'
import { CopilotError } from './errors.ts'

/** Lets in only who shows `Authorization: Bearer <token>`; `GET /health` stays open. */
export function requireToken (app: FastifyInstance, token: string): void {
  const expected = digest(token)
  app.addHook('onRequest', async (request, reply) => {
    if (request.routeOptions.url === '/health') return
    const shown = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')?.[1]
    // Digests have one length, which `timingSafeEqual` demands, and tell nothing about the token's.
    if (shown === undefined || !timingSafeEqual(digest(shown), expected)) {
      reply.header('www-authenticate', 'Bearer')
      throw new CopilotError('unauthenticated', 'Authentication required')
    }
  })
}

function digest (text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
