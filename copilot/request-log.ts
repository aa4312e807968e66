import type { FastifyInstance } from 'fastify'

/**
 * Writes one line when a request has ended, however it ended: `complete`, or `cut` when the caller left or the answer broke off.
 * Nothing of the request but its method and path is in it. Every reply carries the request's id.
 */
export function logRequests (app: FastifyInstance): void {
  let closing = false
  app.addHook('preClose', async () => { closing = true })

  app.addHook('onRequest', async (request, reply) => {
    const began = performance.now()
    reply.header('x-request-id', request.id)
    reply.raw.once('close', () => {
      request.log.info({
        method: request.method,
        path: request.url.split('?', 1)[0],
        status: reply.raw.headersSent ? reply.raw.statusCode : undefined,
        ended: reply.raw.writableFinished ? 'complete' : 'cut',
        durationMs: Math.round(performance.now() - began)
      }, 'request ended')
      // A keep-alive connection whose answer outlived the listener would hold up the end for more than a minute.
      if (closing) setImmediate(() => app.server.closeIdleConnections())
    })
  })
}
