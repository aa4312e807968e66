import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import { ResumeRequest } from '../lib/chat-request.ts'
import { GatewayError } from '../lib/errors.ts'
import { chosenForChats } from '../lib/protocols/choice.ts'
import { type EventId, parseEventId } from '../lib/sse/event-id.ts'
import { IdempotencyHeaders, keyValue } from '../lib/streams/idempotency-key.ts'

/** What the answer in a chat is found by. */
const Chat = Type.Object({ chatId: Type.String({ description: 'The `id` of the chat, or the `sessionId` that was asked with.' }) })

/** The longest that the id of an answer may be; none is nearly as long. */
const MAX_STREAM_ID = 100

/**
 * `GET` and `DELETE /chat/:streamId`: a resumable answer is read on, or stopped. `GET` and `DELETE /chat/:chatId/stream`: the same
 * for the latest one in a chat, while it is being written, as the AI SDK has it. `DELETE /chat`: the one with an `Idempotency-Key` is
 * stopped.
 */
const resume: FastifyPluginAsyncTypebox = async app => {
  // Clients that send Content-Type with every request send it with those that have no body, too.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, async () => undefined)

  // A HEAD would read the answer to its end for nobody, and keep it going.
  app.get('/chat/:streamId', { schema: ResumeRequest, exposeHeadRoute: false }, async (request, reply) => {
    const { params, headers, query } = request
    const streamId = idOf(params)
    const { from, end } = eventId(headers['last-event-id'] || query.offset)
    // An `EventSource` comes back after every end of a reply, and nothing else keeps it away. What is still being written has no end yet.
    if (end && !(await app.answers.writing(request, streamId))) return await reply.code(204).send()
    await app.slots.reading(reply)
    return await reply.deliver(app.answers.resume(request, streamId, from), streamId)
  })

  app.delete('/chat/:streamId', { schema: { params: ResumeRequest.params } }, async (request, reply) => {
    await app.answers.stop(request, idOf(request.params))
    return await reply.code(204).send()
  })

  // Whoever asked with a key may not know yet what the answer is called.
  app.delete('/chat', { schema: { headers: IdempotencyHeaders } }, async (request, reply) => {
    const key = keyValue(request.headers['idempotency-key'])
    if (key === undefined) throw new GatewayError('not_found')
    await app.answers.stopKeyed(request, key)
    return await reply.code(204).send()
  })

  app.get('/chat/:chatId/stream', { schema: { params: Chat }, exposeHeadRoute: false }, async (request, reply) => {
    request.answerProtocol = chosenForChats(request.headers)
    const running = await app.answers.running(request, request.params.chatId.trim())
    if (!running) return await reply.code(204).send()
    await app.slots.reading(reply)
    return await reply.deliver(running.read({ bytes: 0 }, request.exchange.signal), running.id)
  })

  app.delete('/chat/:chatId/stream', { schema: { params: Chat } }, async (request, reply) => {
    const running = await app.answers.running(request, request.params.chatId.trim())
    await running?.stop()
    return await reply.code(204).send()
  })
}

function idOf ({ streamId }: { readonly streamId: string }): string {
  if (streamId.length > MAX_STREAM_ID) throw new GatewayError('invalid_request', { status: 414, detail: 'a part of the path is too long' })
  return streamId
}

function eventId (text: string): EventId {
  const id = parseEventId(text)
  if (id) return id
  throw new GatewayError('invalid_request', { issues: [{ path: 'headers.last-event-id', message: 'must be the id of an event, such as 40, 40.17 or 40.17.end' }] })
}

export default resume
