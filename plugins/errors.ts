import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { GatewayError, type MappedError, mapError } from '../lib/errors.ts'
import { chosen } from '../lib/protocols/choice.ts'
import type { Protocol } from '../lib/protocols/protocol.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Finds the place of any thrown value in the error contract. */
    mapError (error: unknown): MappedError
    /** How a request is told its answer, or a failure: as its route has decided, or by its path and its `Accept`. */
    protocolOf (request: FastifyRequest): Protocol
  }
  interface FastifyRequest {
    /** How it is told, once that was asked for or decided; see `protocolOf`. */
    answerProtocol: Protocol | null
  }
}

/** Answers every failure, unknown routes included, as the error contract says. */
export default fp(async function errors (app) {
  app.decorate('mapError', mapError)
  app.decorateRequest('answerProtocol', null)
  app.decorate('protocolOf', request => {
    request.answerProtocol ??= chosen(request.url.slice(app.prefix.length), request.headers)
    return request.answerProtocol
  })
  app.setErrorHandler(sendError)
  app.setNotFoundHandler((request, reply) => sendError(new GatewayError('not_found'), request, reply))
}, { name: 'errors', dependencies: ['exchange'] })

/** Sends a failure to the client, in the form that it expects. */
export function sendError (error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  // The client has left: there is nobody to answer, and it is no failure.
  if (reply.raw.destroyed) return reply.hijack()

  const failure = request.exchange.refuse(toContract(error, request))
  if (failure.errorType === 'internal') request.log.error({ err: error }, 'internal error')

  const { type, body, headers } = request.server.protocolOf(request).refuse(failure, request.id)
  return reply.code(failure.status)
    .headers({ ...failure.headers, ...headers, 'X-Error-Type': failure.errorType, 'X-Request-Id': request.id })
    .type(type)
    .send(body)
}

/** Turns Fastify's refusals of a body into messages that say what is allowed. */
function toContract (error: unknown, { routeOptions }: FastifyRequest): unknown {
  if (!(error instanceof Error && 'code' in error)) return error
  switch (error.code) {
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new GatewayError('invalid_request', { status: 415, detail: 'Content-Type must be application/json' })
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new GatewayError('invalid_request', { status: 413, detail: `the body may have at most ${size(routeOptions.bodyLimit)}` })
    // Fastify's message would repeat the path with its query, which may hold secrets.
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

/** A size in MiB or KiB where it is a whole number of them, else in bytes; never rounded. */
function size (bytes: number): string {
  if (bytes % 2 ** 20 === 0) return `${bytes / 2 ** 20} MiB`
  return bytes % 2 ** 10 === 0 ? `${bytes / 2 ** 10} KiB` : `${bytes} bytes`
}
