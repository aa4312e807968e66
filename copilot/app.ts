import Fastify, { type FastifyInstance, type FastifyServerOptions, LogController } from 'fastify'
import { requestId } from '../lib/request-id.ts'
import type { CopilotConfig } from './config.ts'
import type { Engine } from './engines/engine.ts'
import { selectEngine } from './engines/select.ts'
import { requireToken } from './authentication.ts'
import { releaseConnections, surviveAcceptErrors } from './connections.ts'
import { answerErrors, toReply } from './error-replies.ts'
import { logRequests } from './request-log.ts'
import { chatRoutes } from './routes/chat.ts'
import { healthRoutes } from './routes/health.ts'
import { modelRoutes } from './routes/models.ts'

/** What {@link buildCopilotService} takes. */
export interface CopilotServiceOptions extends Pick<FastifyServerOptions, 'logger' | 'loggerInstance'> {
  /** What to serve and to whom, from `readCopilotConfig`. */
  config: CopilotConfig
  /** Answers instead of the engine that the configuration asks for. It is closed with the service. */
  engine?: Engine
  /** Its caller logs each request: it writes down only the causes of failures. Default: false. */
  failuresOnly?: boolean
}

/**
 * Builds the Copilot service: the upstream that the gateway talks to, as a Fastify application of its own. The caller makes it
 * `listen({ host, port })` and `close`s it; closing lets answers in flight end, and then gives back the engine's processes and
 * files. Without a logger nothing is logged.
 */
export async function buildCopilotService ({ config, engine = selectEngine(config), logger, loggerInstance, failuresOnly }: CopilotServiceOptions): Promise<FastifyInstance> {
  const app: FastifyInstance = Fastify({
    ...(loggerInstance ? { loggerInstance } : { logger: logger ?? false }),
    // One line when a request has ended is enough: request-log.ts writes it.
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    // A conversation comes twice: folded, and turn by turn.
    bodyLimit: 16 * 1024 * 1024,
    genReqId: requestId,
    frameworkErrors: toReply
  })

  surviveAcceptErrors(app)
  releaseConnections(app)
  logRequests(app, failuresOnly)
  answerErrors(app)
  if (config.serviceToken) requireToken(app, config.serviceToken)

  app.register(healthRoutes, { engine })
  app.register(modelRoutes, { engine })
  app.register(chatRoutes, { engine })
  app.addHook('onClose', () => engine.close())

  await engine.loaded
  await app.ready()
  return app
}
