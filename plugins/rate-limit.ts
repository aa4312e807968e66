import rateLimit, { type FastifyRateLimitStore } from '@fastify/rate-limit'
import type { onRequestAsyncHookHandler } from 'fastify'
import fp from 'fastify-plugin'
import { GatewayError } from '../lib/errors.ts'
import { addressKey, callerKey } from '../lib/limits/caller-key.ts'
import type { Ledger, Spending } from '../lib/limits/ledger.ts'
import { MemoryLedger } from '../lib/limits/memory-ledger.ts'
import { RedisLedger } from '../lib/limits/redis-ledger.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** An `onRequest` hook, behind {@link FastifyInstance.authenticate}, that counts a caller's requests and refuses those that are too many. */
    readonly limitRate: onRequestAsyncHookHandler
    /** Puts a limit on how often an address may fail to log in by the given hook; past it the hook is not asked any more. */
    readonly limitFailures: (authenticate: onRequestAsyncHookHandler) => onRequestAsyncHookHandler
  }
}

/** The refusals that are counted by address. */
const FAILED_LOGINS = ['unauthenticated', 'auth_unavailable']

/** Where the plugin counts: by {@link Ledger}s, one for requests, and another for the failed logins of its only child. */
class Store implements FastifyRateLimitStore {
  readonly #ledgerFor: (name: string) => Ledger
  readonly #ledger: Ledger

  constructor (ledgerFor: (name: string) => Ledger, name: string) {
    this.#ledgerFor = ledgerFor
    this.#ledger = ledgerFor(name)
  }

  incr (key: string, callback: Counted): void { void this.#ledger.spend(key, 1).then(spending => tell(spending, callback)) }

  read (key: string, callback: Counted): void { void this.#ledger.spent(key).then(spending => tell(spending, callback)) }

  child (): Store { return new Store(this.#ledgerFor, 'failed-logins') }
}

type Counted = Parameters<FastifyRateLimitStore['incr']>[1]

function tell ({ amount, endsIn }: Spending, callback: Counted): void {
  callback(null, { current: amount, ttl: endsIn })
}

/** Limits the requests of each caller, and the failed logins of each address, to `RATE_LIMIT_MAX` in a window, on all gateways together where they share a Redis; 0: no limit. */
export default fp(async function rateLimits (app) {
  const { RATE_LIMIT_MAX: max, RATE_LIMIT_WINDOW_MS: timeWindow } = app.config
  if (max === 0) {
    app.decorate('limitRate', async () => {})
    app.decorate('limitFailures', authenticate => authenticate)
    return
  }

  const ledgerFor = (name: string): Ledger => app.redis ? new RedisLedger(app.redis, name, timeWindow) : new MemoryLedger(timeWindow)
  await app.register(rateLimit, {
    global: false,
    max,
    timeWindow,
    store: class extends Store { constructor () { super(ledgerFor, 'requests') } },
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
}, { name: 'rate-limit', dependencies: ['config', 'errors', 'redis', 'auth'] })
