import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import fp from 'fastify-plugin'
import { GatewayError } from '../lib/errors.ts'
import { lastResponse } from '../lib/last-response.ts'
import { chosen } from '../lib/protocols/choice.ts'
import { hasServerOptions } from '../lib/server-options.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Answers a request that no route can see with an error, by the way of all others: named, readable to pages, logged and counted. */
    refuse (request: IncomingMessage, response: ServerResponse, error: unknown): void
  }
}

/**
 * Refuses what Node or Fastify would answer by themselves, before any hook: a path that cannot be decoded or is too long, a
 * request without a `Host`, an expectation other than `100-continue`, a `CONNECT`.
 */
export default fp(async function unrouted (app) {
  const refused = new WeakMap<IncomingMessage, { readonly error: unknown, readonly path: string }>()

  app.decorate('refuse', (request, response, error) => {
    refused.set(request, { error, path: String(request.url).slice(app.prefix.length) })
    // A stand-in path that the router can look up and that has no route.
    request.url = `${app.prefix}/-`
    app.routing(request, response)
  })
  app.addHook('onRequest', async request => {
    const { raw } = request
    const refusal = refused.get(raw)
    if (refusal) {
      request.answerProtocol = chosen(refusal.path, request.headers)
      throw refusal.error
    }
    // RFC 9112 §3.2. HTTP/1.0 knows no Host, and health checks of balancers speak it.
    if (raw.headers.host === undefined && raw.httpVersion === '1.1') throw new GatewayError('invalid_request', { detail: 'the Host header is missing' })
  })

  if (!hasServerOptions(app)) {
    app.log.warn('the server was made without serverOptions: request ids, timeouts, TRUST_PROXY and the refusal of what is no HTTP are the application\'s own')
    return
  }
  app.server.on('checkExpectation', (request, response) => {
    app.refuse(request, response, new GatewayError('invalid_request', { status: 417, detail: 'Expect may only be 100-continue' }))
  })
  app.server.on('connect', (request: IncomingMessage, socket: Socket) => {
    // Node has detached this socket: without a listener, a reset would end the process.
    socket.on('error', () => {})
    // A reply written here would land in the middle of the answer that this connection is still sending.
    if (app.repliesOn(socket).length > 0) socket.destroy()
    else app.refuse(request, lastResponse(request, socket), new GatewayError('invalid_request', { status: 405, detail: 'the gateway is no proxy' }))
  })
}, { name: 'unrouted', dependencies: ['errors', 'pipelining', 'cors', 'security-headers', 'access-log', 'metrics'] })
