import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Ending } from '../lib/answer/answer.ts'
import type { Story } from '../lib/answer/story.ts'
import { isFailed } from '../lib/errors.ts'

/**
 * Writes one line when a request has ended: who asked, what was answered, how it ended; and one when the answer that it had
 * recorded has. Nothing of what was said is logged, and no query string, where tokens get lost.
 */
export default fp(async function accessLog (app) {
  // Redaction is off for this logger: every field is made here and none is a credential, and redaction took a tenth of a request's CPU time.
  const log = app.log.child({}, { redact: { paths: [] } })

  app.addHook('onRequest', async (request, reply) => {
    const { exchange } = request
    exchange.onOver(() => {
      const { answer, bytes, duration, ended, ending, firstByteAfter, replayed, upstream } = exchange
      log[level(request)]({
        requestId: request.id,
        traceId: request.traceId,
        caller: request.caller?.id,
        method: request.method,
        route: request.routeOptions.url,
        status: reply.raw.headersSent ? reply.statusCode : undefined,
        delivery: answer?.delivery,
        upstream,
        replayed: replayed || undefined,
        bytes,
        firstByteMs: firstByteAfter === null ? undefined : Math.round(firstByteAfter),
        durationMs: Math.round(duration),
        ended,
        ...cost(ending),
        ...why(exchange)
      }, 'request ended')
    })
    exchange.onAnswered(story => {
      if (story !== exchange) request.log[isFailed(story.ended) ? 'warn' : 'info']({ caller: request.caller?.id, ended: story.ended, upstream: story.upstream, ...cost(story.ending), ...why(story) }, 'resumable answer ended')
    })
  })
}, { name: 'access-log', dependencies: ['exchange', 'errors', 'tracing', 'auth'] })

/** Probes, scrapes and preflights come every few seconds: at `info` they would hide the lines that matter. */
function level ({ exchange: { ended, failure }, method, routeOptions }: FastifyRequest): 'debug' | 'info' | 'warn' {
  if (isFailed(ended)) return 'warn'
  return !failure && (method === 'OPTIONS' || routeOptions.url?.match(/\/(health(\/\w+)?|metrics)$/)) ? 'debug' : 'info'
}

/** The finish reason and the token counts, as far as the service reported them. */
function cost (ending: Ending | null) {
  return { finishReason: ending?.finishReason ?? undefined, ...ending?.usage }
}

function why ({ failure }: Story): { errorType?: string, error?: string, cause?: string } {
  if (!failure) return {}
  const cause = failure instanceof Error && failure.cause instanceof Error ? failure.cause.message : undefined
  return { errorType: failure.errorType, error: failure.message, ...(cause && { cause }) }
}
