import fp from 'fastify-plugin'
import chat from './chat.ts'
import models from './models.ts'
import openai from './openai.ts'
import resume from './resume.ts'

/** What a known caller may ask, as often as the limits let it. */
export default fp(async function api (app) {
  app.addHook('onRequest', app.limitFailures(app.authenticate))
  app.addHook('onRequest', app.limitRate)
  await app.register(chat, { prefix: '/api' })
  await app.register(resume, { prefix: '/api' })
  await app.register(models, { prefix: '/api' })
  await app.register(openai, { prefix: '/v1' })
}, {
  name: 'api',
  encapsulate: true,
  dependencies: ['validation', 'client-errors', 'stall', 'drain', 'host', 'rate-limit', 'slots', 'copilot', 'resume', 'delivery', 'docs', 'load-shedding']
})
