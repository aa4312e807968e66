import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply } from 'fastify'
import { Readable } from 'node:stream'
import Type from 'typebox'
import type { Part } from '../../lib/answer/answer.ts'
import { acceptsEvents } from '../../lib/sse/negotiation.ts'
import type { Engine, EngineAnswer } from '../engines/engine.ts'
import { noteFailure } from '../request-log.ts'
import { asEvents, asText } from '../telling.ts'

const Conversation = Type.Object({
  id: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
  instructions: Type.Optional(Type.String()),
  messages: Type.Array(Type.Object({ role: Type.Enum(['user', 'assistant']), content: Type.String() }), { default: [] }),
  prompt: Type.String({ minLength: 1 })
})

const body = Type.Object({
  // A folded conversation of 200 messages can be long.
  prompt: Type.String({ minLength: 1, maxLength: 2_000_000 }),
  mode: Type.Enum(['explain-only', 'project-helper'], { default: 'explain-only' }),
  model: Type.Optional(Type.String({ minLength: 1, maxLength: 120 })),
  effort: Type.Optional(Type.Enum(['low', 'medium', 'high'])),
  conversation: Type.Optional(Conversation)
})

/**
 * `POST /chat/stream` answers while the answer is written: as events to who prefers `text/event-stream`, else as text.
 * `POST /chat` answers as JSON when it is whole.
 */
export const chatRoutes: FastifyPluginAsyncTypebox<{ engine: Engine }> = async (app, { engine }) => {
  app.post('/chat/stream', { schema: { body } }, async (request, reply) => {
    const answer = answerFor(reply, engine.answer(request.body))
    reply.headers({ 'cache-control': 'no-cache, no-transform', 'x-accel-buffering': 'no', 'x-content-type-options': 'nosniff' })
    answer.parts.once('error', error => noteFailure(request, error))
    // Headers leave with the first piece: a failure before it becomes a status, one after it destroys the connection.
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
 * Gives the answer up as soon as the caller leaves. Fastify's own `request.signal` aborts when the body is parsed; the
 * response's `close` is what tells.
 */
function answerFor (reply: FastifyReply, answer: EngineAnswer): EngineAnswer {
  reply.raw.once('close', () => answer.parts.destroy())
  return answer
}
