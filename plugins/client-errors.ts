import { IncomingMessage, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { ConnectionError, FastifyReply } from 'fastify'
import fp from 'fastify-plugin'
import { GatewayError } from '../lib/errors.ts'
import { lastResponse } from '../lib/last-response.ts'
import { answerUnrouted } from '../lib/server-options.ts'

/** What Node's parser says of bytes that are no HTTP. */
export type ParserError = ConnectionError

declare module 'fastify' {
  interface FastifyInstance {
    /** Answers what is not HTTP enough to become a request, or its body. Fastify's `clientErrorHandler`. */
    refuseBytes (error: ParserError, socket: Socket): void
  }
}

/** What is no HTTP: a header block over Node's 16 KiB, one or a body that took too long, bytes that are something else. */
export default fp(async function clientErrors (app) {
  const refused = new WeakSet<Socket>()

  app.decorate('refuseBytes', (error, socket) => {
    // What broke off may be the body of a request whose hooks have only begun.
    setImmediate(refuse, error, socket)
  })
  answerUnrouted(app.server, app)

  function refuse (error: ConnectionError, socket: Socket): void {
    const [reply, ...others] = app.repliesOn(socket)
    // Behind an answer in flight, a reply would become a part of that answer.
    const isAnswering = reply !== undefined && (reply.request.raw.complete || reply.raw.headersSent || others.length > 0)
    if (!socket.writable || error.code === 'ECONNRESET' || isAnswering || refused.has(socket)) {
      socket.destroy(error)
      return
    }
    refused.add(socket)
    const status = error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400
    const failure = new GatewayError('invalid_request', { status, detail: STATUS_CODES[status] })
    if (reply) {
      refuseBody(reply, failure)
      socket.destroySoon()
    } else {
      const request = nameless(error, socket)
      app.refuse(request, lastResponse(request, socket), failure)
    }
  }
}, { name: 'client-errors', dependencies: ['errors', 'pipelining', 'unrouted'] })

/** A request in the place of one that never became any; of its headers, `Origin` alone says who may read the reply. */
function nameless ({ rawPacket }: ConnectionError, socket: Socket): IncomingMessage {
  const request = new IncomingMessage(socket)
  const origin = /\r\norigin:[ \t]*(\S+)[ \t]*\r\n/i.exec(String(rawPacket ?? ''))?.[1]
  Object.assign(request, { method: 'GET', httpVersion: '1.1', httpVersionMajor: 1, httpVersionMinor: 1, headers: origin === undefined ? {} : { origin } })
  request.push(null)
  return request
}

/** Refuses a request whose body will never be whole: its route waits for that, and has not answered. */
function refuseBody (reply: FastifyReply, failure: GatewayError): void {
  reply.request.exchange.cut(failure)
  const body = `Error: ${failure.message}`
  reply.code(failure.status).headers({ 'Content-Type': 'text/plain; charset=utf-8', 'Content-Length': Buffer.byteLength(body), 'X-Error-Type': failure.errorType })
  reply.raw.shouldKeepAlive = false
  // Several values of a header are one, with commas between them (RFC 9110 §5.3).
  for (const [name, value] of Object.entries(reply.getHeaders())) reply.raw.setHeader(name, String(value))
  reply.raw.end(body)
}
