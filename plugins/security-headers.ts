import helmet from '@fastify/helmet'
import fp from 'fastify-plugin'

/** The response headers that tell browsers to trust a reply no further than needed. */
export default fp(async function securityHeaders (app) {
  await app.register(helmet, {
    // What the gateway sends is text and JSON; a route that sends a page says what that page may do.
    contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } },
    // Pages of other origins read the replies by CORS; this header would only stop what CORS already decides.
    crossOriginResourcePolicy: { policy: 'cross-origin' },
    // TLS ends before the gateway, and only what ends it knows whether the whole host has it.
    strictTransportSecurity: false,
    // These are about documents and old browsers: on every answer, they would be bytes that mean nothing.
    crossOriginOpenerPolicy: false,
    originAgentCluster: false,
    xDnsPrefetchControl: false,
    xDownloadOptions: false,
    xPermittedCrossDomainPolicies: false,
    xXssProtection: false
  })
}, { name: 'security-headers' })
