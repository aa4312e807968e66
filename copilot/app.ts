import Fastify, { type FastifyInstance, type FastifyServerOptions, LogController } from 'fastify'
import { randomUUID } from 'node:crypto'
import type { CopilotConfig } from './config.ts'
import type { Engine } from './engines/engine.ts'
import { selectEngine } from './engines/select.ts'
import { requireToken } from './authentication.ts'
import { releaseConnections } from './connections.ts'
import { answerErrors, toReply } from './error-replies.ts'
import { logRequests } from './request-log.ts'
import { chatRoutes } from './routes/chat.ts'
import { healthRoutes } from './routes/health.ts'
import { modelRoutes } from './routes/models.ts'

/** What {@link buildCopilotService} takes. */
export interface CopilotServiceOptions extends Pick<FastifyServerOptions, 'logger' | 'loggerInstance'> {
  /** From `readCopilotConfig`. */
  config: CopilotConfig
  /** Answers instead of the engine that the configuration asks for. It is closed with the service. */
  engine?: Engine
}

/**
 * Builds the Copilot service: the upstream that the gateway talks to, as a Fastify application of its own. The caller makes it
 * `listen` and `close`s it; closing lets answers in flight end, and then gives back the engine's processes and files.
 *
 * @param options.config - what to serve and to whom, see `readCopilotConfig`
 * @param options.logger - as Fastify's option; no logs when both this and `loggerInstance` are left out
 * @param options.loggerInstance - a pino logger to write to
 * @returns the application, ready to `listen({ host, port })`
 */
export async function buildCopilotService ({ config, engine = selectEngine(config), logger, loggerInstance }: CopilotServiceOptions): Promise<FastifyInstance> {
  const app: FastifyInstance = Fastify({
    ...(loggerInstance ? { loggerInstance } : { logger: logger ?? false }),
    // One line when a request has ended is enough: request-log.ts writes it.
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    bodyLimit: 8 * 1024 * 1024,
    genReqId: ({ headers }) => {
      const id = headers['x-request-id']
      return typeof id === 'string' && /^[A-Za-z0-9._-]{1,128}$/.test(id) ? id : randomUUID()
    },
    frameworkErrors: toReply
  })

  releaseConnections(app)
  logRequests(app)
  answerErrors(app)
  if (config.serviceToken) requireToken(app, config.serviceToken)

  app.register(healthRoutes, { engine })
  app.register(modelRoutes, { engine })
  app.register(chatRoutes, { engine })
  app.addHook('onClose', () => engine.close())

  await app.ready()
  return app
}
