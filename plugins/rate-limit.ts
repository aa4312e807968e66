import rateLimit from '@fastify/rate-limit'
import type { onRequestAsyncHookHandler } from 'fastify'
import fp from 'fastify-plugin'
import { GatewayError } from '../lib/errors.ts'
import { addressKey, callerKey } from '../lib/limits/caller-key.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** An `onRequest` hook, behind {@link FastifyInstance.authenticate}, that counts a caller's requests and refuses those that are too many. */
    readonly limitRate: onRequestAsyncHookHandler
    /** Puts a limit on how often an address may fail to log in by the given hook; past it the hook is not asked any more. */
    readonly limitFailures: (authenticate: onRequestAsyncHookHandler) => onRequestAsyncHookHandler
  }
}

/** How many callers are remembered, of each kind. To push its own count out, a client would need this many names or addresses. */
const MAX_CALLERS = 50_000

/** The refusals that are counted by address. */
const FAILED_LOGINS = ['unauthenticated', 'auth_unavailable']

/** Limits the requests of each caller, and the failed logins of each address, to `RATE_LIMIT_MAX` in a window; 0: no limit. */
export default fp(async function rateLimits (app) {
  const { RATE_LIMIT_MAX: max, RATE_LIMIT_WINDOW_MS: timeWindow } = app.config
  if (max === 0) {
    app.decorate('limitRate', async () => {})
    app.decorate('limitFailures', authenticate => authenticate)
    return
  }

  await app.register(rateLimit, {
    global: false,
    max,
    timeWindow,
    cache: MAX_CALLERS,
    enableDraftSpec: true,
    keyGenerator: ({ caller, ip }) => callerKey(caller, ip),
    errorResponseBuilder: () => new GatewayError('too_many_requests')
  })
  const limit = app.rateLimit()
  app.decorate('limitRate', async function (request, reply) {
    await limit.call(this, request, reply)
  })

  const failures = app.createRateLimit({ keyGenerator: ({ ip }) => addressKey(ip) })
  app.decorate('limitFailures', authenticate => async function (request, reply) {
    const before = await failures(request, { increment: false })
    // Right credentials are refused as well: letting them through would tell an attacker which guess was right.
    if (!before.isAllowed && before.remaining === 0) {
      throw new GatewayError('too_many_requests', { detail: 'this address has failed to log in too often', headers: { 'Retry-After': String(before.ttlInSeconds) } })
    }
    try {
      await authenticate.call(this, request, reply)
    } catch (error) {
      // A token that could not be checked counts as well, since anybody can make one up; whoever has a right one waits until it can.
      if (FAILED_LOGINS.includes(app.mapError(error).errorType)) await failures(request)
      throw error
    }
  })
}, { name: 'rate-limit', dependencies: ['config', 'errors', 'auth'] })
