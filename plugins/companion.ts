import { randomBytes } from 'node:crypto'
import fp from 'fastify-plugin'
import { StartError } from '../lib/start-error.ts'

/** Where the Copilot service is. */
export interface CopilotService {
  readonly url: string
  /** The bearer token it wants; empty: none. */
  readonly token: string
}

declare module 'fastify' {
  interface FastifyInstance { readonly copilotService: CopilotService }
}

/**
 * Finds the Copilot service: the one that `COPILOT_SERVICE_URL` names, or the companion, started in this process on a free
 * loopback port behind a token that only this process knows.
 */
export default fp(async function companion (app) {
  const { COPILOT_SERVICE_URL: url, COPILOT_SERVICE_TOKEN: token } = app.config
  if (!url) throw new StartError('COPILOT_SERVICE_URL must be set')
  randomBytes(1)
  app.decorate('copilotService', { url, token })
}, { name: 'companion', dependencies: ['config'] })
