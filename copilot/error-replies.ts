import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { CopilotError, publicMessage, statusOf } from './errors.ts'

/** Makes every error, Fastify's own included, a status and JSON `{ error, errorType }`. */
export function answerErrors (app: FastifyInstance): void {
  app.setErrorHandler<FastifyError | CopilotError>(toReply)
  app.setNotFoundHandler((request, reply) => toReply(new CopilotError('not_found', 'Not found'), request, reply))
}

/** Answers with the error. For errors from before routing, where Fastify runs no hooks, this is the only stop. */
export function toReply (error: FastifyError | CopilotError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { status, error: message, errorType } = describe(error)
  // Only a bug is worth its stack; everything else is in the line that ends the request.
  if (errorType === 'unknown') request.log.error({ err: error }, 'unexpected error')
  return reply.code(status).header('x-request-id', request.id).type('application/json; charset=utf-8').send({ error: message, errorType })
}

function describe (error: FastifyError | CopilotError) {
  if (error instanceof CopilotError) return { status: statusOf[error.errorType], error: error.message, errorType: error.errorType }
  const status = error.statusCode ?? 500
  if (status < 500) return { status, error: `Invalid request: ${publicMessage(error.message, [])}`, errorType: 'invalid_request' }
  return { status: 500, error: 'The Copilot service failed unexpectedly', errorType: 'unknown' }
}
