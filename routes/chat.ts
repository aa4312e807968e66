import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { errorCodes, type FastifyRequest } from 'fastify'
import { ChatRequest } from '../lib/chat-request.ts'
import { toCopilotPrompt } from '../lib/copilot/prompt.ts'
import { GatewayError } from '../lib/errors.ts'

/** `POST /chat`: a prompt goes in, Copilot's answer streams out. */
const chat: FastifyPluginAsyncTypebox = async app => {
  // Only JSON is taken: a form or plain text could be sent across origins without a preflight.
  app.removeContentTypeParser('text/plain')
  app.addHook('preParsing', async ({ headers }) => {
    // Fastify lets a request without a body pass, whatever it is not.
    if (headers['content-type'] === undefined) throw new errorCodes.FST_ERR_CTP_INVALID_MEDIA_TYPE()
  })

  app.post('/chat', { schema: { body: ChatRequest }, onRequest: [askedOnce, app.shedLoad] }, async (request, reply) => {
    const slot = await app.slots.answer(reply)
    const prompt = toCopilotPrompt(request.body)
    if (request.body.resumable) {
      const started = app.answers.start(reply, prompt)
      slot.keep(started.then(({ over }) => over))
      const { id, reading } = await started
      return await reply.deliver(reading, id)
    }
    return await reply.deliver(app.copilot.answer(prompt, request.upstreamCall))
  })
}

/** Refuses a client that reconnects by asking its question again: it has an answer, or the beginning of one, already. */
async function askedOnce ({ headers }: FastifyRequest): Promise<void> {
  if (headers['last-event-id']) throw new GatewayError('already_asked', { detail: 'a POST with Last-Event-ID would ask it twice' })
}

export default chat
