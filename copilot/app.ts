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

/** The options of {@link buildCopilotService}. */
export interface CopilotServiceOptions extends Pick<FastifyServerOptions, 'logger' | 'loggerInstance'> {
  /** The configuration, from `readCopilotConfig`. */
  config: CopilotConfig
  /** Replaces the engine that the configuration selects. The service closes it. */
  engine?: Engine
  /** Its caller logs each request: it writes down only the causes of failures. Default: false. */
  failuresOnly?: boolean
}

/**
 * Builds the Copilot service, the gateway's upstream, as a Fastify application of its own. The caller calls `listen({ host, port })`
 * and `close()`. Closing waits for answers in flight, then ends the engine's processes and removes its files. Without a logger
 * nothing is logged.
 */
export async function buildCopilotService ({ config, engine = selectEngine(config), logger, loggerInstance, failuresOnly }: CopilotServiceOptions): Promise<FastifyInstance> {
  const app: FastifyInstance = Fastify({
    ...(loggerInstance ? { loggerInstance } : { logger: logger ?? false }),
    // request-log.ts writes one line per request, at its end.
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    // The body holds the conversation twice: folded into the prompt, and turn by turn.
    bodyLimit: 16 * 1024 * 1024,
    // A gateway asks as soon as it connects. A connection that does not is closed before it can keep others out for long.
    http: { headersTimeout: 5_000, connectionsCheckingInterval: 1_000 },
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
