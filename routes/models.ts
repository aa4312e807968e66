import type { FastifyPluginAsync } from 'fastify'

/** `GET /models`: what the Copilot service can answer with. */
const models: FastifyPluginAsync = async app => {
  app.get('/models', async request => ({ models: await app.copilot.models(request.upstreamCall) }))
}

export default models
