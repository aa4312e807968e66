import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { GatewayError } from '../lib/errors.ts'
import { isLoopback, isLoopbackHost } from '../lib/loopback.ts'
import { presentable } from '../lib/redact.ts'

/**
 * Keeps pages away that have their own name lead to this machine (DNS rebinding): a browser takes them for the gateway's
 * own, and no CORS stops them. What gives them away is that name, in `Host`. Credentials stop them, too; this is for a
 * gateway that asks for none.
 */
export default fp(async function host (app) {
  const { AUTH_MODE } = app.config
  if (AUTH_MODE === 'api-key' || AUTH_MODE === 'jwt') return

  app.addHook('onRequest', async request => {
    const foreign = names(request).find(name => !isLoopbackHost(name))
    if (foreign === undefined || !isLoopback(request.socket.localAddress ?? '') || isForwarded(request)) return
    throw new GatewayError('forbidden', {
      detail: 'nobody is asked who they are here, so only localhost and loopback addresses may be the Host of a request, ' +
        `and not "${presentable(foreign, [], 100)}"; set AUTH_MODE to api-key or jwt, or TRUST_PROXY for a proxy that passes the name on`
    })
  })
}, { name: 'host', dependencies: ['config', 'errors'] })

/** What a request says it is meant for. An HTTP/1.0 request may say nothing, as health checks do and no browser does. */
function names ({ headers, originalUrl }: FastifyRequest): string[] {
  // A target may name a host as well, which then counts more than the header (RFC 9112 §3.2.2): here both do.
  const target = /^[^/]+:\/\/([^/?#]*)/.exec(originalUrl)?.[1]
  return [headers.host, target].filter(name => name !== undefined)
}

/** True for what a proxy has passed on that `TRUST_PROXY` names: which names it answers for is its own to decide. */
function isForwarded ({ ips = [] }: FastifyRequest): boolean {
  return ips.length > 1
}
