import type { FastifyPluginAsync } from 'fastify'
import type { Engine } from '../engines/engine.ts'

/** `GET /health`: that the process answers, and which engine writes; open to everybody, free of secrets. */
export const healthRoutes: FastifyPluginAsync<{ engine: Engine }> = async (app, { engine }) => {
  app.get('/health', async () => ({ ok: true, service: 'copilot', ...engine.health() }))
}
