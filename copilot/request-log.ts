import type { FastifyInstance, FastifyRequest } from 'fastify'
import { sanitize } from '../lib/redact.ts'
import { CopilotError } from './errors.ts'

const failures = new WeakMap<FastifyRequest, Error>()

/** Remembers why a request failed, for the line that is written when it has ended. */
export function noteFailure (request: FastifyRequest, error: Error): void {
  failures.set(request, error)
}

/**
 * Writes one line when a request has ended, and how: `complete`; `failed`, when the answer broke off; or `cut`, when the caller
 * left or was cut off. Nothing of the request but its method and path is in it. Every reply carries the request's id.
 * `failuresOnly`, where the caller writes such lines: there is a line only where a failure had a cause that the caller is not told.
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
  // Only what nobody expected is worth its stack.
  return { err: failure }
}
