import type { FastifyPluginAsync } from 'fastify'
import type { Engine } from '../engines/engine.ts'

/** `GET /health`: shows that the process is alive and which engine it uses. It needs no token and shows no secrets. */
export const healthRoutes: FastifyPluginAsync<{ engine: Engine }> = async (app, { engine }) => {
  app.get('/health', async () => ({ ok: true, service: 'copilot', ...engine.health() }))
}
