import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { ResumeRequest } from '../lib/chat-request.ts'

/** `GET` and `DELETE /chat/:streamId`: a resumable answer is read on, or stopped. */
const resume: FastifyPluginAsyncTypebox = async app => {
  // Clients that send Content-Type with every request send it with those that have no body, too.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, async () => undefined)

  // A HEAD would read the answer to its end for nobody, and keep it going.
  app.get('/chat/:streamId', { schema: ResumeRequest, exposeHeadRoute: false }, async (request, reply) => {
    await app.slots.reading(reply)
    const { streamId } = request.params
    const offset = Number(request.headers['last-event-id'] || request.query.offset)
    return await reply.deliver(app.answers.resume(request, streamId, offset), streamId)
  })

  app.delete('/chat/:streamId', { schema: { params: ResumeRequest.params } }, async (request, reply) => {
    await app.answers.stop(request, request.params.streamId)
    return await reply.code(204).send()
  })
}

export default resume
