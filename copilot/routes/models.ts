import type { FastifyPluginAsync } from 'fastify'
import type { Engine } from '../engines/engine.ts'

/** `GET /models`: what can be asked for by `model`. */
export const modelRoutes: FastifyPluginAsync<{ engine: Engine }> = async (app, { engine }) => {
  app.get('/models', async () => ({ models: await engine.models() }))
}
