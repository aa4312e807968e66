import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { isFailed } from '../lib/errors.ts'

/**
 * Writes one line when a request has ended: who asked, what was answered, how it ended. Nothing of what was said in it
 * is logged, and no query string, where tokens get lost.
 */
export default fp(async function accessLog (app) {
  // Every field is made here and none is a credential; looking for some in each line took a tenth of a request's CPU time.
  const log = app.log.child({}, { redact: { paths: [] } })

  app.addHook('onRequest', async (request, reply) => {
    const { socket } = request.raw
    const bytesBefore = socket.bytesWritten
    // Behind the lifecycle's own listener, which settles how the reply ended.
    reply.raw.once('close', () => {
      log[level(request)]({
        requestId: request.id,
        traceId: request.traceId,
        caller: request.caller?.id,
        method: request.method,
        route: request.routeOptions.url,
        status: reply.raw.headersSent ? reply.statusCode : undefined,
        delivery: request.answer?.delivery,
        bytes: socket.bytesWritten - bytesBefore,
        firstByteMs: request.firstByteAfter === null ? undefined : Math.round(request.firstByteAfter),
        durationMs: Math.round(reply.elapsedTime),
        ended: request.ended,
        ...why(request)
      }, 'request ended')
    })
  })
}, { name: 'access-log', dependencies: ['lifecycle', 'errors', 'tracing', 'auth'] })

/** Probes and scrapes come every few seconds and say nothing; what went wrong should stand out. */
function level ({ ended, failure, routeOptions }: FastifyRequest): 'debug' | 'info' | 'warn' {
  if (isFailed(ended)) return 'warn'
  return !failure && routeOptions.url?.match(/^\/(health|metrics)\b/) ? 'debug' : 'info'
}

function why ({ failure }: FastifyRequest): { errorType?: string, error?: string, cause?: string } {
  if (!failure) return {}
  const cause = failure instanceof Error && failure.cause instanceof Error ? failure.cause.message : undefined
  return { errorType: failure.errorType, error: failure.message, ...(cause && { cause }) }
}
