import Fastify, { type FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import { options } from '../app.ts'
import accessLog from '../plugins/access-log.ts'
import auth from '../plugins/auth.ts'
import companion from '../plugins/companion.ts'
import config from '../plugins/config.ts'
import copilot from '../plugins/copilot.ts'
import cors from '../plugins/cors.ts'
import delivery from '../plugins/delivery.ts'
import drain from '../plugins/drain.ts'
import errors from '../plugins/errors.ts'
import exchange from '../plugins/exchange.ts'
import pipelining from '../plugins/pipelining.ts'
import redis from '../plugins/redis.ts'
import resume from '../plugins/resume.ts'
import securityHeaders from '../plugins/security-headers.ts'
import type { AnswerSlots } from '../plugins/slots.ts'
import stall from '../plugins/stall.ts'
import tracing from '../plugins/tracing.ts'
import validation from '../plugins/validation.ts'
import chat from '../routes/chat.ts'

/** In the place of the slots: there is always another. */
const unlimited: AnswerSlots = {
  taken: 0,
  answer: async () => ({ holdUntil: () => {} }),
  reading: async () => ({ holdUntil: () => {} })
}

/** The chat route, for everybody who is let in. */
const api: FastifyPluginAsync = async app => {
  app.addHook('onRequest', app.authenticate)
  await app.register(chat)
}

/**
 * The gateway of ../app.ts without what shares it out and what watches it: no limits, no load shedding, no metrics, no check
 * of the host. What those cost is measured against it.
 */
const app = Fastify(options)
const unwatched = fp(async () => {}, { name: 'metrics' })
const limits = fp(async app => { app.decorate('slots', unlimited).decorate('shedLoad', async () => {}).decorate('heapReliefs', []) }, { name: 'slots' })
const unlimitedConnections = fp(async app => { app.decorate('descriptorRoom', { connections: Infinity, answers: Infinity }) }, { name: 'connections' })
const parts = [config, redis, exchange, errors, validation, tracing, auth, accessLog, unwatched, securityHeaders, cors, pipelining, unlimitedConnections, stall, drain, limits, companion, copilot, resume, delivery]
for (const part of parts) await app.register(part)
await app.register(api, { prefix: '/api' })
await app.listen({ host: '127.0.0.1', port: app.config.PORT })
