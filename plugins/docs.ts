import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import fp from 'fastify-plugin'
import pkg from '../package.json' with { type: 'json' }

/** Describes the routes, by the schemas that validate them, as an OpenAPI document with a page at `/docs`. */
export default fp(async function docs (app) {
  await app.register(swagger, {
    openapi: {
      info: { title: 'Copilot Stream Gateway', description: pkg.description, version: pkg.version },
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer' },
          apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' }
        }
      }
    }
  })
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    // The plugin's own policy takes styles and fonts from anywhere, and would have a page without TLS lose its files.
    staticCSP: {
      'default-src': "'none'",
      'script-src': "'self'",
      'style-src': "'self'",
      'img-src': ["'self'", 'data:'],
      'connect-src': "'self'",
      'base-uri': "'none'",
      'form-action': "'none'",
      'frame-ancestors': "'none'"
    }
  })
}, { name: 'docs', dependencies: ['client-errors', 'stall', 'drain', 'host'] })
