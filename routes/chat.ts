import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { ChatRequest } from '../lib/chat-request.ts'
import { toCopilotPrompt } from '../lib/copilot/prompt.ts'

/** `POST /chat`: a prompt goes in, Copilot's answer streams out. */
const chat: FastifyPluginAsyncTypebox = async app => {
  // Only JSON is taken: a form or plain text could be sent across origins without a preflight.
  app.removeContentTypeParser('text/plain')

  app.post('/chat', { schema: { body: ChatRequest } }, async (request, reply) => {
    const answer = await app.copilot.answer(toCopilotPrompt(request.body), request.upstreamCall)
    reply.headers({
      'Content-Type': 'text/plain; charset=utf-8',
      'Cache-Control': 'no-cache, no-transform',
      'X-Accel-Buffering': 'no',
      'X-Content-Type-Options': 'nosniff',
      'X-Copilot-Delivery': answer.delivery
    })
    return reply.relay(answer)
  })
}

export default chat
