import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import fp from 'fastify-plugin'
import { repliesOf, schemas } from '../lib/openapi/replies.ts'
import { requestOf } from '../lib/openapi/requests.ts'
import pkg from '../package.json' with { type: 'json' }

const METHODS = ['get', 'post', 'delete'] as const

/** Describes the routes, by the schemas that validate them and by what they can reply, as an OpenAPI document with a page at `/docs`. */
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
    },
    // Response schemas are documentation only: replies are streams, or JSON that Fastify's serializer must not touch.
    transformObject: document => {
      // A plain object would be OpenAPI 2, which is not used here.
      /* c8 ignore next */
      if (!('openapiObject' in document)) return document.swaggerObject
      const { openapiObject } = document
      for (const [path, operations] of Object.entries({ ...openapiObject.paths })) {
        for (const method of METHODS) {
          const operation = operations?.[method]
          if (operation) Object.assign(operation, requestOf(operation, method, path.slice(app.prefix.length)), { responses: repliesOf(method, path.slice(app.prefix.length)) })
        }
      }
      return Object.assign(openapiObject, { components: { ...openapiObject.components, schemas } })
    }
  })
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    // The plugin's default policy allows styles and fonts from anywhere, and `upgrade-insecure-requests`, which breaks a page without TLS.
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
