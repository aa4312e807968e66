import type { FastifyInstance, FastifyRequest } from 'fastify'
import { sanitize } from '../lib/redact.ts'
import { CopilotError } from './copilot-error.ts'

const failures = new WeakMap<FastifyRequest, Error>()

/** Stores why a request failed, for the log line at its end. */
export function noteFailure (request: FastifyRequest, error: Error): void {
  failures.set(request, error)
}

/**
 * Logs one line at the end of each request, with its outcome: `complete`; `failed` when the answer broke off; or `cut` when the
 * caller left or its connection was closed. Of the request the line has only the method and the path. Every reply has the
 * request's id as a header. With `failuresOnly`, for a caller that logs its requests itself, a line is written only for a failure
 * whose cause the caller does not get.
 */
export function logRequests (app: FastifyInstance, failuresOnly = false): void {
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id)
    reply.raw.once('close', () => {
      const failure = failures.get(request)
      if (failuresOnly) {
        const { cause, err, ...known } = why(failure)
        if (cause !== undefined || err !== undefined) request.log.warn({ ...known, cause, err }, 'the companion Copilot service failed')
        return
      }
      const { statusCode, headersSent, writableFinished } = reply.raw
      request.log[failure ? 'warn' : request.url === '/health' ? 'debug' : 'info']({
        method: request.method,
        path: request.url.split('?', 1)[0],
        status: headersSent ? statusCode : undefined,
        ended: writableFinished ? 'complete' : failure ? 'failed' : 'cut',
        durationMs: Math.round(reply.elapsedTime),
        ...why(failure)
      }, 'request ended')
    })
  })
}

function why (failure: Error | undefined): { errorType?: string, error?: string, cause?: string, err?: Error } {
  if (failure === undefined) return {}
  if (failure instanceof CopilotError) {
    const { errorType, message: error, cause } = failure
    return { errorType, error, ...(cause !== undefined && { cause: sanitize(String(cause)) }) }
  }
  // Only an unexpected error is logged with its stack.
  return { err: failure }
}
