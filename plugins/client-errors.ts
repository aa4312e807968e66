import { IncomingMessage, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { ConnectionError, FastifyReply } from 'fastify'
import fp from 'fastify-plugin'
import { GatewayError } from '../lib/errors.ts'
import { lastResponse } from '../lib/last-response.ts'
import type { Refusal } from '../lib/protocols/protocol.ts'
import { answerUnrouted } from '../lib/server-options.ts'

/** The codes by which Node's HTTP parser reports a malformed request. */
export type ParserError = ConnectionError

declare module 'fastify' {
  interface FastifyInstance {
    /** Answers what is not HTTP enough to become a request, or its body. Fastify's `clientErrorHandler`. */
    refuseBytes (error: ParserError, socket: Socket): void
  }
}

/** Answers malformed requests: headers over 16 KiB, headers or a body that took too long, bytes that are not HTTP. */
export default fp(async function clientErrors (app) {
  const refused = new WeakSet<Socket>()

  app.decorate('refuseBytes', (error, socket) => {
    // A body that broke off belongs to a request whose hooks may still be running.
    setImmediate(refuse, error, socket)
  })
  answerUnrouted(app.server, app)

  function refuse (error: ConnectionError, socket: Socket): void {
    const [reply, ...others] = app.repliesOn(socket)
    // A reply written here would land in the middle of the answer that this connection is still sending.
    const isAnswering = reply !== undefined && (reply.request.raw.complete || reply.raw.headersSent || others.length > 0)
    if (!socket.writable || error.code === 'ECONNRESET' || isAnswering || refused.has(socket)) {
      socket.destroy(error)
      return
    }
    refused.add(socket)
    const status = error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400
    const failure = new GatewayError('invalid_request', { status, detail: STATUS_CODES[status] })
    if (reply) {
      refuseBody(reply, failure, app.protocolOf(reply.request).refuse(failure, reply.request.id))
      socket.destroySoon()
    } else {
      const request = nameless(error, socket)
      app.refuse(request, lastResponse(request, socket), failure)
    }
  }
}, { name: 'client-errors', dependencies: ['errors', 'pipelining', 'unrouted'] })

/** A stand-in for a request that could not be parsed. Only its `Origin` is known, which decides whether a page may read the reply. */
function nameless ({ rawPacket }: ConnectionError, socket: Socket): IncomingMessage {
  const request = new IncomingMessage(socket)
  const origin = /\r\norigin:[ \t]*(\S+)[ \t]*\r\n/i.exec(String(rawPacket ?? ''))?.[1]
  Object.assign(request, { method: 'GET', httpVersion: '1.1', httpVersionMajor: 1, httpVersionMinor: 1, headers: origin === undefined ? {} : { origin } })
  request.push(null)
  return request
}

/** Refuses a request whose body broke off: its route is still waiting for the rest and has not answered. */
function refuseBody (reply: FastifyReply, failure: GatewayError, { type, body, headers }: Refusal): void {
  reply.request.exchange.cut(failure)
  reply.code(failure.status).headers({ ...headers, 'Content-Type': type, 'Content-Length': Buffer.byteLength(body), 'X-Error-Type': failure.errorType })
  reply.raw.shouldKeepAlive = false
  // Several fields of one name are joined by commas (RFC 9110 §5.3).
  for (const [name, value] of Object.entries(reply.getHeaders())) reply.raw.setHeader(name, String(value))
  reply.raw.end(body)
}
