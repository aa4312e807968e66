import fp from 'fastify-plugin'
import { GatewayError } from '../lib/errors.ts'
import { callerKey } from '../lib/limits/caller-key.ts'
import { MemoryLedger } from '../lib/limits/memory-ledger.ts'
import { RedisLedger } from '../lib/limits/redis-ledger.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** To be called before a Copilot service is asked. Rejects with `budget_exhausted` when the caller has spent its tokens. */
    readonly checkBudget: (request: FastifyRequest) => Promise<void>
  }
}

/**
 * Counts the tokens of each caller's answers, and refuses its questions once they are `TOKENS_PER_CALLER` in a window; 0: no limit. The
 * answer that crosses the limit is given to its end, since its cost is known only then.
 */
export default fp(async function budget (app) {
  const { TOKENS_PER_CALLER: max, TOKENS_WINDOW_MS: window } = app.config
  if (max === 0) {
    app.decorate('checkBudget', async () => {})
    return
  }
  const ledger = app.redis ? new RedisLedger(app.redis, 'tokens', window) : new MemoryLedger(window)

  app.decorate('checkBudget', async ({ caller, ip }) => {
    const { amount: tokens, endsIn } = await ledger.spent(callerKey(caller, ip))
    if (tokens >= max) throw new GatewayError('budget_exhausted', { detail: `${tokens} of ${max} tokens`, headers: { 'Retry-After': String(Math.ceil(endsIn / 1000)) } })
  })
  app.addHook('onRequest', async request => {
    request.exchange.onAnswered(({ ending }) => {
      const { inputTokens = 0, outputTokens = 0 } = ending?.usage ?? {}
      const tokens = inputTokens + outputTokens
      if (tokens > 0) void ledger.spend(callerKey(request.caller, request.ip), tokens)
    })
  })
}, { name: 'budget', dependencies: ['config', 'errors', 'exchange', 'auth', 'redis'] })
