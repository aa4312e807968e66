import { randomBytes } from 'node:crypto'
import fp from 'fastify-plugin'
import { buildCopilotService } from '../copilot/app.ts'
import { readCopilotConfig } from '../copilot/config.ts'

/** Where the Copilot service is, or several. */
export interface CopilotService {
  /** One URL, or several, comma-separated. */
  readonly url: string
  /** The bearer token that each wants; empty: none. */
  readonly token: string
}

declare module 'fastify' {
  interface FastifyInstance { readonly copilotService: CopilotService }
}

/**
 * Finds the Copilot service: what `COPILOT_SERVICE_URL` names, or the companion, started in this process on a free
 * loopback port behind a token that only this process knows.
 */
export default fp(async function companion (app) {
  const { COPILOT_SERVICE_URL, COPILOT_SERVICE_TOKEN } = app.config
  if (COPILOT_SERVICE_URL) {
    app.decorate('copilotService', { url: COPILOT_SERVICE_URL, token: COPILOT_SERVICE_TOKEN })
    return
  }

  const token = randomBytes(32).toString('base64url')
  const config = readCopilotConfig({ ...app.environment, COPILOT_SERVICE_TOKEN: token })
  // Every request to it comes from the gateway, which logs a line that says more.
  const service = await buildCopilotService({ config, loggerInstance: app.log.child({ name: 'copilot' }, { level: 'warn' }), failuresOnly: true })
  // Others on this machine can connect to it, too, and must not take the descriptors of the gateway's own connections.
  service.server.maxConnections = app.descriptorRoom.connections
  app.addHook('onClose', () => service.close())
  const url = await service.listen({ host: '127.0.0.1', port: 0 })
  app.log.info({ engine: config.engine, url }, config.engine === 'demo'
    ? 'no Copilot is configured: the demo engine answers'
    : 'the companion Copilot service answers')
  app.decorate('copilotService', { url, token })
}, { name: 'companion', dependencies: ['config', 'connections'] })
