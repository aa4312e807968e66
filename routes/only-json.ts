import { errorCodes, type FastifyInstance } from 'fastify'

/** Refuses every body but JSON: a form or plain text could be sent across origins without a preflight. */
export function onlyJson (app: FastifyInstance): void {
  app.removeContentTypeParser('text/plain')
  app.addHook('preParsing', async ({ headers, method }) => {
    // Fastify lets a request without a body pass, whatever it is not.
    if (method === 'POST' && headers['content-type'] === undefined) throw new errorCodes.FST_ERR_CTP_INVALID_MEDIA_TYPE()
  })
}
