import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { GatewayError } from '../lib/errors.ts'
import { hostCheck } from '../lib/host-names.ts'
import { isLoopback } from '../lib/loopback.ts'
import { sanitize } from '../lib/redact.ts'

/**
 * Blocks DNS rebinding: a hostile domain that resolves to this machine looks same-origin to a browser, so CORS cannot help; the
 * `Host` header gives it away, and it is the one header that a page cannot choose. Credentials stop such a page, too; this is
 * for a gateway that asks for none.
 */
export default fp(async function host (app) {
  const { ALLOWED_HOSTS, AUTH_MODE } = app.config
  const isAllowed = hostCheck(ALLOWED_HOSTS)
  if (AUTH_MODE === 'api-key' || AUTH_MODE === 'jwt') return

  app.addHook('onRequest', async request => {
    const foreign = foreignName(request, isAllowed)
    if (foreign === undefined || !isLoopback(request.socket.localAddress ?? '')) return
    throw new GatewayError('forbidden', {
      detail: 'nobody is asked who they are here, so only localhost and loopback addresses may be the Host of a request, ' +
        `and not "${sanitize(foreign, [], 100)}"; set AUTH_MODE to api-key or jwt, or list the name in ALLOWED_HOSTS`
    })
  })
}, { name: 'host', dependencies: ['errors'], decorators: { fastify: ['config'] } })

/** The host that a request names, when it is neither this machine nor allowed. HTTP/1.0 requests may have no `Host`: health checks send such, browsers do not. */
function foreignName ({ headers, originalUrl }: FastifyRequest, isAllowed: (host: string) => boolean): string | undefined {
  if (headers.host !== undefined && !isAllowed(headers.host)) return headers.host
  // An absolute-form target names a host, too, and overrides the header (RFC 9112 §3.2.2): both are checked.
  const target = originalUrl.startsWith('/') ? undefined : /^[^/]+:\/\/([^/?#]*)/.exec(originalUrl)?.[1]
  return target === undefined || isAllowed(target) ? undefined : target
}
