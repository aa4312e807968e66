import type { FastifyPluginAsync } from 'fastify'
import type { Engine } from '../engines/engine.ts'

/** `GET /models`: the models that a request may name as `model`. */
export const modelRoutes: FastifyPluginAsync<{ engine: Engine }> = async (app, { engine }) => {
  app.get('/models', async () => ({ models: await engine.models() }))
}
