import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply } from 'fastify'
import Type from 'typebox'
import { toCopilotPrompt } from '../lib/copilot/prompt.ts'
import type { Model } from '../lib/copilot/upstream.ts'
import { GatewayError } from '../lib/errors.ts'
import { callerKey } from '../lib/limits/caller-key.ts'
import { CompletionRequest, toCompletion } from '../lib/openai/completion-request.ts'
import { notHonoured } from '../lib/openai/tuning.ts'
import { openai } from '../lib/protocols/openai.ts'
import { IdempotencyHeaders } from '../lib/streams/idempotency-key.ts'
import { deliverAnswer } from './answering.ts'
import { askedOnce } from './asked-once.ts'
import { onlyJson } from './only-json.ts'

/** What clients of OpenAI's API ask: `POST /chat/completions`, `GET /models`, `GET /models/:id`. */
const openaiRoutes: FastifyPluginAsyncTypebox = async app => {
  onlyJson(app)

  app.post('/chat/completions', { schema: { body: CompletionRequest, headers: IdempotencyHeaders }, bodyLimit: app.config.BODY_LIMIT_BYTES, onRequest: [askedOnce, app.shedLoad] }, async (request, reply) => {
    const { question, stream, includeUsage, ignored } = toCompletion(request.body)
    const { model } = question
    request.answerProtocol = openai({ stream, includeUsage, ...(model !== undefined && { model }) })
    nameIgnored(reply, ignored)
    const answer = await deliverAnswer(reply, { prompt: toCopilotPrompt(question, callerKey(request.caller, request.ip)), form: { stream, usage: stream && includeUsage } })
    // Only the service knows what it honours, and has said so with its first byte.
    nameIgnored(reply, notHonoured(ignored, request.exchange.answer?.honoured))
    return answer
  })

  app.get('/models', async request => ({ object: 'list', data: (await app.copilot.models(request.upstreamCall)).map(toModel) }))

  app.get('/models/:id', { schema: { params: Type.Object({ id: Type.String() }) } }, async request => {
    const models = await app.copilot.models(request.upstreamCall)
    const model = models.find(({ id }) => id === request.params.id)
    if (!model) throw new GatewayError('not_found', { detail: 'no such model' })
    return toModel(model)
  })
}

function nameIgnored (reply: FastifyReply, names: readonly string[]): void {
  if (names.length > 0) reply.header('X-Ignored-Parameters', names.join(', '))
  else reply.removeHeader('X-Ignored-Parameters')
}

/** Nobody says when a model was made, or by whom it is served. */
function toModel ({ id }: Model) {
  return { id, object: 'model', created: 0, owned_by: 'copilot' }
}

export default openaiRoutes
