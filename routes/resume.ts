import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { ResumeRequest } from '../lib/chat-request.ts'
import { GatewayError } from '../lib/errors.ts'
import { type EventId, parseEventId } from '../lib/sse/event-id.ts'

/** `GET` and `DELETE /chat/:streamId`: a resumable answer is read on, or stopped. */
const resume: FastifyPluginAsyncTypebox = async app => {
  // Clients that send Content-Type with every request send it with those that have no body, too.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, async () => undefined)

  // A HEAD would read the answer to its end for nobody, and keep it going.
  app.get('/chat/:streamId', { schema: ResumeRequest, exposeHeadRoute: false }, async (request, reply) => {
    const { params: { streamId }, headers, query } = request
    const { from, end } = eventId(headers['last-event-id'] || query.offset)
    if (end) {
      // An `EventSource` comes back after every end of a reply, and nothing else keeps it away.
      await app.answers.own(request, streamId)
      return await reply.code(204).send()
    }
    await app.slots.reading(reply)
    return await reply.deliver(app.answers.resume(request, streamId, from), streamId)
  })

  app.delete('/chat/:streamId', { schema: { params: ResumeRequest.params } }, async (request, reply) => {
    await app.answers.stop(request, request.params.streamId)
    return await reply.code(204).send()
  })
}

function eventId (text: string): EventId {
  const id = parseEventId(text)
  if (id) return id
  throw new GatewayError('invalid_request', { issues: [{ path: 'headers.last-event-id', message: 'must be the id of an event, such as 40, 40.17 or 40.17.end' }] })
}

export default resume
