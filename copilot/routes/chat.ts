import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply } from 'fastify'
import { Readable } from 'node:stream'
import Type from 'typebox'
import type { Engine } from '../engines/engine.ts'
import { noteFailure } from '../request-log.ts'

const body = Type.Object({
  // A folded conversation of 200 messages can be long.
  prompt: Type.String({ minLength: 1, maxLength: 2_000_000 }),
  mode: Type.Union([Type.Literal('explain-only'), Type.Literal('project-helper')], { default: 'explain-only' }),
  model: Type.Optional(Type.String({ minLength: 1, maxLength: 120 }))
})

/** `POST /chat/stream` answers as text while it is written; `POST /chat` answers as JSON when it is whole. */
export const chatRoutes: FastifyPluginAsyncTypebox<{ engine: Engine }> = async (app, { engine }) => {
  app.post('/chat/stream', { schema: { body } }, async (request, reply) => {
    const answer = engine.answer(request.body, { signal: callerLeft(reply) })
    reply.headers({ 'cache-control': 'no-cache, no-transform', 'x-accel-buffering': 'no', 'x-content-type-options': 'nosniff' })
    const text = Readable.from(answer)
    text.once('error', error => noteFailure(request, error))
    // Headers leave with the first piece: a failure before it becomes a status, one after it destroys the connection.
    return reply.type('text/plain; charset=utf-8').send(text)
  })

  app.post('/chat', { schema: { body } }, async (request, reply) => {
    let output = ''
    for await (const piece of engine.answer(request.body, { signal: callerLeft(reply) })) output += piece
    return { output }
  })
}

/** Fastify's own `request.signal` aborts as soon as the body is parsed; the response's `close` is what tells. */
function callerLeft (reply: FastifyReply): AbortSignal {
  const left = new AbortController()
  reply.raw.once('close', () => left.abort())
  return left.signal
}
