import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { sanitize } from '../lib/redact.ts'
import { CopilotError } from './copilot-error.ts'
import { noteFailure } from './request-log.ts'

/** Answers every error, Fastify's own included, with a status and JSON `{ error, errorType }`. */
export function answerErrors (app: FastifyInstance): void {
  app.setErrorHandler<FastifyError | CopilotError>(toReply)
  app.setNotFoundHandler((request, reply) => toReply(new CopilotError('not_found', 'Not found'), request, reply))
}

/** Answers with the error. It also serves errors before routing, for which Fastify runs no hooks. */
export function toReply (error: FastifyError | CopilotError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { status, error: message, errorType } = describe(error)
  // The message of a validation error may quote the body, and prompts must not be logged.
  noteFailure(request, errorType === 'invalid_request' ? new CopilotError(errorType, 'Invalid request') : error)
  return reply.code(status).header('x-request-id', request.id).type('application/json; charset=utf-8').send({ error: message, errorType })
}

function describe (error: FastifyError | CopilotError): { status: number, error: string, errorType: string } {
  if (error instanceof CopilotError) return { status: error.status, error: error.message, errorType: error.errorType }
  const status = error.statusCode ?? 500
  if (status < 500) return { status, error: `Invalid request: ${sanitize(error.message)}`, errorType: 'invalid_request' }
  return { status: 500, error: 'The Copilot service failed unexpectedly', errorType: 'unknown' }
}
