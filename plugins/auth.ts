import type { onRequestAsyncHookHandler } from 'fastify'
import fp from 'fastify-plugin'
import { authenticator } from '../lib/auth/authenticator.ts'
import type { Caller } from '../lib/auth/caller.ts'
import { bearerOf } from '../lib/auth/bearer-token.ts'
import { GatewayError } from '../lib/errors.ts'
import { reachableAt } from '../lib/listen-address.ts'
import { refuseOtherMachines } from '../lib/settings/listeners.ts'
import type { Config } from '../lib/settings/schema.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** An `onRequest` hook that lets only known callers through. */
    readonly authenticate: onRequestAsyncHookHandler
    /** Knows callers by other keys from the next request on. Throws a `StartError`, and changes nothing, when they cannot be used. */
    renewCallers (secrets: Pick<Config, 'API_KEYS' | 'JWT_SECRET'>): void
  }
  interface FastifyRequest {
    /** Who is calling, once {@link FastifyInstance.authenticate} has found out. */
    caller: Caller | null
  }
}

/** Authenticates callers as `AUTH_MODE` says. When it is unset, the gateway serves loopback addresses only. */
export default fp(async function auth (app) {
  const { config } = app
  let authenticate = authenticator(config)
  if (config.AUTH_MODE === '') guardListen(app.server)

  app.decorate('renewCallers', ({ API_KEYS, JWT_SECRET }) => { authenticate = authenticator({ ...config, API_KEYS, JWT_SECRET }) })
  app.decorateRequest('caller', null)
  app.decorate('authenticate', async request => {
    const bearer = bearerOf(request.headers.authorization)
    const apiKey = request.headers['x-api-key']
    const credentials = { ...(bearer && { bearer }), ...(typeof apiKey === 'string' && { apiKey }) }
    const caller = await authenticate(credentials)
    if (!caller) throw new GatewayError('unauthenticated', Object.keys(credentials).length > 0 ? { detail: 'the credentials were not accepted' } : {})
    request.caller = caller
  })
}, { name: 'auth', dependencies: ['config', 'errors'] })

/** Refuses to listen on an address beyond loopback, whichever way `listen` is called. It wraps `server.listen`, because Fastify has no hook between the choice of the address and the first connection. */
function guardListen (server: { listen: (...args: never[]) => unknown }): void {
  server.listen = new Proxy(server.listen, {
    apply (listen, self, args: unknown[]) {
      const reachable = reachableAt(args)
      if (reachable !== undefined) refuseOtherMachines('', reachable)
      return Reflect.apply(listen, self, args)
    }
  })
}
