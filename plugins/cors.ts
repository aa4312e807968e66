import cors from '@fastify/cors'
import fp from 'fastify-plugin'
import { corsOrigins } from '../lib/cors-origins.ts'

/** Headers that OpenAI's SDKs send with every request; a preflight has to allow each by name. */
const STAINLESS = ['Arch', 'Async', 'Custom-Poll-Interval', 'Helper', 'Helper-Method', 'Lang', 'OS', 'Package-Version', 'Poll-Helper', 'Read-Timeout', 'Retry-Count', 'Runtime', 'Runtime-Version', 'Timeout']

const LOOPBACK_ORIGIN = /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/

/** Lets pages of the allowed origins read the gateway's replies: loopback origins, or those that `CORS_ORIGIN` names. */
export default fp(async function corsHeaders (app) {
  const origins = corsOrigins(app.config.CORS_ORIGIN)
  const any = origins.includes('*')
  const mayRead = (origin: string): boolean => any || (origins.length > 0 ? origins.includes(origin) : LOOPBACK_ORIGIN.test(origin))
  if (app.hasRequestDecorator('corsPreflightEnabled')) {
    app.log.info('the application has a CORS policy of its own, which decides for the gateway as well')
    return
  }
  await app.register(cors, {
    // A function, because with a list the plugin would send methods, headers and credentials to foreign origins, too.
    origin: (origin, decide) => decide(null, origin !== undefined && mayRead(origin) && (any ? '*' : origin)),
    // An OPTIONS request that is no preflight goes to the routes, whose errors follow the contract.
    strictPreflight: false,
    // Cookies and client certificates are allowed only for origins that CORS_ORIGIN names.
    credentials: !any && origins.length > 0,
    methods: ['GET', 'POST', 'DELETE'],
    allowedHeaders: ['Authorization', 'Content-Type', 'X-API-Key', 'X-GitHub-Token', 'X-Request-Id', 'Last-Event-ID', 'traceparent', 'tracestate', 'User-Agent', 'OpenAI-Organization', 'OpenAI-Project', ...STAINLESS.map(name => `X-Stainless-${name}`), 'Idempotency-Key'],
    exposedHeaders: ['X-Request-Id', 'X-Error-Type', 'X-Copilot-Delivery', 'X-Stream-Id', 'X-Resumable', 'Retry-After', 'X-Should-Retry', 'X-Ignored-Parameters', 'X-Vercel-AI-UI-Message-Stream', 'Idempotent-Replayed'],
    maxAge: 600
  })
  // It answers preflights by itself: a hook that has to see them must be registered before it.
}, { name: 'cors', dependencies: ['config', 'access-log', 'metrics', 'security-headers'] })
