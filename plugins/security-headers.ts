import helmet from '@fastify/helmet'
import fp from 'fastify-plugin'

/** The security headers of every reply. */
export default fp(async function securityHeaders (app) {
  await app.register(helmet, {
    // Replies are text and JSON; routes that serve HTML set a policy of their own.
    contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } },
    // CORS decides which origins may read replies; this header would block those that it allows.
    crossOriginResourcePolicy: { policy: 'cross-origin' },
    // TLS ends at a proxy, and only the proxy knows whether the whole host has TLS.
    strictTransportSecurity: false,
    // These concern documents and old browsers; on text and JSON they would be wasted bytes.
    crossOriginOpenerPolicy: false,
    originAgentCluster: false,
    xDnsPrefetchControl: false,
    xDownloadOptions: false,
    xPermittedCrossDomainPolicies: false,
    xXssProtection: false
  })
}, { name: 'security-headers' })
