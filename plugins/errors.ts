import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { GatewayError, type MappedError, mapError } from '../lib/errors.ts'
import { preferred } from '../lib/sse/negotiation.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Finds the place of any thrown value in the error contract. */
    mapError (error: unknown): MappedError
  }
}

/** Answers every failure, unknown routes included, as the error contract says. */
export default fp(async function errors (app) {
  app.decorate('mapError', mapError)
  app.setErrorHandler(sendError)
  app.setNotFoundHandler((request, reply) => sendError(new GatewayError('not_found'), request, reply))
}, { name: 'errors', dependencies: ['exchange'] })

/** Sends a failure to the client, in the form that its `Accept` asks for. */
export function sendError (error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  // Nobody is there to be told, and a client that leaves is no failure.
  if (reply.raw.destroyed) return reply.hijack()

  const failure = request.exchange.fail(toContract(error))
  if (failure.errorType === 'internal') request.log.error({ err: error }, 'internal error')

  const { status, errorType, message, headers, issues, retryable } = failure
  reply.code(status).headers({ ...headers, 'X-Error-Type': errorType, 'X-Request-Id': request.id })
  const isBroken = status === 400 && errorType === 'invalid_request' && issues !== undefined
  return isBroken || wantsJson(request)
    ? reply.type('application/json; charset=utf-8').send({ error: message, errorType, requestId: request.id, retryable, ...(isBroken && { issues }) })
    : reply.type('text/plain; charset=utf-8').send(`Error: ${message}`)
}

/** Plain text is the default and what a wildcard gets; a client that reads events can read JSON, too. */
function wantsJson (request: FastifyRequest): boolean {
  return (preferred(request.headers, ['text/plain', 'application/json', 'text/event-stream']) ?? 'text/plain') !== 'text/plain'
}

/** Puts Fastify's own refusals of a body into words that say what is allowed. */
function toContract (error: unknown): unknown {
  if (!(error instanceof Error && 'code' in error)) return error
  switch (error.code) {
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new GatewayError('invalid_request', { status: 415, detail: 'Content-Type must be application/json' })
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new GatewayError('invalid_request', { status: 413, detail: 'the body may have at most 1 MiB' })
    // Their own words repeat the path, and the query behind it.
    case 'FST_ERR_BAD_URL':
      return new GatewayError('invalid_request', { detail: 'the path cannot be decoded' })
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return new GatewayError('invalid_request', { status: 414, detail: 'a part of the path is too long' })
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
      return new GatewayError('invalid_request', { issues: [{ path: '', message: 'the body must be JSON, without __proto__ or constructor keys' }] })
    default:
      return error
  }
}
