import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply } from 'fastify'
import { Readable } from 'node:stream'
import Type from 'typebox'
import type { Part } from '../../lib/answer/answer.ts'
import { EFFORTS, Message } from '../../lib/chat-request.ts'
import { acceptsEvents } from '../../lib/sse/negotiation.ts'
import type { Engine, EngineAnswer } from '../engines/engine.ts'
import { noteFailure } from '../request-log.ts'
import { asEvents, asText } from '../telling.ts'

const Conversation = Type.Object({
  id: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
  instructions: Type.Optional(Type.String()),
  messages: Type.Array(Message, { default: [] }),
  prompt: Type.String({ minLength: 1 }),
  files: Type.Optional(Type.Array(Type.Object({ name: Type.String(), content: Type.String() })))
})

const body = Type.Object({
  // Large enough for a folded conversation of 200 messages.
  prompt: Type.String({ minLength: 1, maxLength: 2_000_000 }),
  mode: Type.Enum(['explain-only', 'project-helper'], { default: 'explain-only' }),
  model: Type.Optional(Type.String({ minLength: 1, maxLength: 120 })),
  effort: Type.Optional(Type.Enum([...EFFORTS])),
  conversation: Type.Optional(Conversation)
})

/**
 * `POST /chat/stream` streams the answer: as events to a caller that prefers `text/event-stream`, else as text. `POST /chat` sends
 * the whole answer as JSON.
 */
export const chatRoutes: FastifyPluginAsyncTypebox<{ engine: Engine }> = async (app, { engine }) => {
  app.post('/chat/stream', { schema: { body } }, async (request, reply) => {
    const answer = answerFor(reply, engine.answer(request.body))
    reply.headers({ 'cache-control': 'no-cache, no-transform', 'x-accel-buffering': 'no', 'x-content-type-options': 'nosniff' })
    answer.parts.once('error', error => noteFailure(request, error))
    // The headers are sent with the first piece: a failure before it becomes an error status, a later failure closes the connection.
    if (!acceptsEvents(request.headers)) return reply.type('text/plain; charset=utf-8').send(Readable.from(asText(answer)))
    const start = { requestId: request.id, delivery: 'stream', ...(request.body.model !== undefined && { model: request.body.model }) } as const
    return reply.type('text/event-stream; charset=utf-8').send(Readable.from(asEvents(answer, start)))
  })

  app.post('/chat', { schema: { body } }, async (request, reply) => {
    const answer = answerFor(reply, engine.answer(request.body))
    const parts: AsyncIterable<Part> = answer.parts
    const text: Buffer[] = []
    for await (const part of parts) if (part.type === 'text') text.push(part.bytes)
    const { finishReason, usage } = answer.ending()
    return { output: Buffer.concat(text).toString(), ...(finishReason && { finishReason }), ...(usage && { usage }) }
  })
}

/**
 * Cancels the answer as soon as the caller leaves. The `close` event of the response shows that; Fastify's `request.signal` cannot
 * be used, because it already aborts when the body is parsed.
 */
function answerFor (reply: FastifyReply, answer: EngineAnswer): EngineAnswer {
  reply.raw.once('close', () => answer.parts.destroy())
  return answer
}
