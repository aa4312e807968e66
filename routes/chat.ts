import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { isUiRequest, toQuestion, type UiQuestion } from '../lib/ai-sdk/ui-request.ts'
import { ChatRequest } from '../lib/chat-request.ts'
import { toCopilotPrompt } from '../lib/copilot/prompt.ts'
import { callerKey } from '../lib/limits/caller-key.ts'
import { chosenForChats } from '../lib/protocols/choice.ts'
import { IdempotencyHeaders } from '../lib/streams/idempotency-key.ts'
import { deliverAnswer } from './answering.ts'
import { askedOnce } from './asked-once.ts'
import { onlyJson } from './only-json.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** What a request of the AI SDK has beside a chat request; undefined for every other. */
    uiChat: Pick<UiQuestion, 'instructions'> | undefined
  }
}

/** `POST /chat`: a prompt goes in, Copilot's answer streams out. */
const chat: FastifyPluginAsyncTypebox = async app => {
  onlyJson(app)
  app.decorateRequest('uiChat', undefined)

  app.post('/chat', { schema: { body: ChatRequest, headers: IdempotencyHeaders }, bodyLimit: app.config.BODY_LIMIT_BYTES, onRequest: [askedOnce, app.shedLoad], preValidation: fromUi }, async (request, reply) => {
    const { body, uiChat } = request
    const { resumable, sessionId: chat } = body
    const prompt = toCopilotPrompt({ ...body, ...uiChat }, callerKey(request.caller, request.ip))
    return await deliverAnswer(reply, { prompt, form: { ui: uiChat !== undefined }, resumable, chat })
  })
}

/** Takes the AI SDK's body for what it asks, and has it answered in the SDK's form, unless nothing but text is wanted. */
async function fromUi (request: FastifyRequest): Promise<void> {
  if (!isUiRequest(request.body)) return
  request.answerProtocol = chosenForChats(request.headers)
  const { body, ...beside } = toQuestion(request.body)
  request.body = body
  request.uiChat = beside
}

export default chat
