import { ROLES } from '../chat-request.ts'
import { type ErrorType, errorRows } from '../errors.ts'
import { eventData, finishReason, object, usage } from './events.ts'

/** A reply of the API as an OpenAPI document describes it (OpenAPI 3.0, Response Object). */
interface Response { readonly description: string, readonly headers?: object, readonly content?: Readonly<Record<string, { readonly schema: object }>> }

/** The replies of one operation by status. */
type Responses = Readonly<Record<string, Response>>

const string = { type: 'string' } as const
const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` })
const json = (schema: object) => ({ 'application/json': { schema } })
const headerOf = (description: string, schema: object = string) => ({ description, schema })

/** Schemas that replies refer to. */
export const schemas = {
  Usage: usage,
  Error: object({ error: string, errorType: string, requestId: string, retryable: { type: 'boolean' } }, { issues: { type: 'array', items: object({ path: string, message: string }) } }),
  OpenAIError: object({ error: object({ message: string, type: string, code: string, param: { ...string, nullable: true } }) }),
  Model: object({ id: string }, { name: string }),
  OpenAIModel: object({ id: string, object: { enum: ['model'] }, created: { type: 'integer' }, owned_by: string }),
  UiChat: object({
    messages: { type: 'array', items: object({ role: { type: 'string', enum: ['system', ...ROLES] }, parts: { type: 'array', items: object({ type: string }, { text: string }) } }, { id: string }), description: 'The latest is the question.' }
  }, { id: { ...string, description: 'The `sessionId`.' } }, 'What `useChat` of the AI SDK sends, and the other fields of a question beside it. It is answered as its UI message stream, or as text with `Accept: text/plain`.'),
  Completion: object({
    id: string,
    object: { enum: ['chat.completion'] },
    created: { type: 'integer' },
    model: string,
    choices: { type: 'array', items: object({ index: { type: 'integer' }, message: object({ role: { enum: ['assistant'] }, content: string }, { reasoning_content: string }), finish_reason: finishReason }) }
  }, { usage: object({ prompt_tokens: { type: 'integer' }, completion_tokens: { type: 'integer' }, total_tokens: { type: 'integer' } }) }),
  ...Object.fromEntries(Object.entries(eventData).map(([name, schema]) => [`Event_${name}`, schema]))
}

const eventStream = {
  type: 'string',
  description: 'Server-sent events; the data of each is JSON. The last one is `done`, `error` or `reconnect`, and a body that ends without one was cut.',
  'x-events': Object.fromEntries(Object.keys(eventData).map(name => [name, ref(`Event_${name}`)]))
}

const requestId = { 'X-Request-Id': headerOf('Names the request in the log.') }
const seconds = { type: 'integer', minimum: 0 } as const
/** Those of every reply to a request that is counted. */
const counted = {
  ...requestId,
  'RateLimit-Limit': headerOf('How many requests there may be in a window; without a limit, none of the three is there.', seconds),
  'RateLimit-Remaining': headerOf('How many are left in it.', seconds),
  'RateLimit-Reset': headerOf('Seconds to the next window.', seconds)
}
const replayed = { 'Idempotent-Replayed': headerOf('Nothing was asked: the `Idempotency-Key` has an answer.', { type: 'string', enum: ['true'] }) }
const answer: Response = {
  description: 'The answer, as it is written. A body that is cut is no whole answer.',
  headers: {
    ...counted,
    'X-Copilot-Delivery': headerOf('How it came from the service.', { type: 'string', enum: ['stream', 'buffered'] }),
    'X-Stream-Id': headerOf('Names a resumable answer.')
  },
  content: { 'text/plain': { schema: { ...string, description: 'The text of the answer, and nothing else.' } }, 'text/event-stream': { schema: eventStream } }
}
const completion: Response = {
  description: 'The completion: one object, or, with `stream`, chunks and `[DONE]`.',
  headers: { ...answer.headers, ...replayed, 'X-Ignored-Parameters': headerOf('Names what was asked for and has no effect.') },
  content: { ...json(ref('Completion')), 'text/event-stream': { schema: { ...string, description: '`chat.completion.chunk` objects, or `{ "error" }` before a cut.' } } }
}
const nothing: Response = { description: 'Nothing is left to be said.', headers: counted }
const health = { description: 'How it is.', content: json({ type: 'object' }) }

/** What can go wrong before a question gets to the service. */
const REFUSALS: readonly ErrorType[] = ['invalid_request', 'unauthenticated', 'forbidden', 'too_many_requests', 'auth_unavailable', 'overloaded', 'store_unavailable', 'draining', 'internal']
/** What can go wrong with a service. */
const SERVICE: readonly ErrorType[] = ['token_missing', 'auth', 'connection', 'connection_lost', 'timeout', 'idle_timeout', 'rate_limited', 'service_overloaded', 'upstream', 'bad_reply']
/** What can go wrong with an answer. */
const ANSWER: readonly ErrorType[] = [...REFUSALS, ...SERVICE, 'stream_empty', 'length', 'filtered', 'max_duration', 'stopped', 'too_many_streams', 'budget_exhausted', 'producer_lost']
/** Statuses of `invalid_request` beside 400, for requests with a body. */
const BODY = ['413', '415'] as const

/** The replies of an operation, by its method and its path without a prefix; those of an unknown one are refusals. */
export function repliesOf (method: string, path: string): Responses {
  switch (`${method} ${path}`) {
    case 'post /api/chat':
      return { 200: { ...answer, headers: { ...answer.headers, ...replayed } }, ...failures([...ANSWER, 'already_asked', 'idempotency_mismatch'], BODY) }
    case 'get /api/chat/{streamId}':
      return { 200: answer, 204: nothing, ...failures([...ANSWER, 'not_found', 'abandoned', 'past_the_end', 'answer_too_large']) }
    case 'get /api/chat/{chatId}/stream':
      return { 200: answer, 204: nothing, ...failures([...ANSWER, 'abandoned', 'answer_too_large']) }
    case 'delete /api/chat/{chatId}/stream':
      return { 204: nothing, ...failures(REFUSALS) }
    case 'post /v1/chat/completions':
      return { 200: completion, ...failures([...ANSWER, 'already_asked', 'idempotency_mismatch'], BODY, 'OpenAIError') }
    case 'get /api/models':
      return { 200: { description: 'The models; none when the service does not know the question.', headers: counted, content: json(object({ models: { type: 'array', items: ref('Model') } })) }, ...failures([...REFUSALS, ...SERVICE]) }
    case 'get /v1/models':
      return { 200: { description: 'The models.', headers: counted, content: json(object({ object: { enum: ['list'] }, data: { type: 'array', items: ref('OpenAIModel') } })) }, ...failures([...REFUSALS, ...SERVICE], [], 'OpenAIError') }
    case 'get /v1/models/{id}':
      return { 200: { description: 'The model.', headers: counted, content: json(ref('OpenAIModel')) }, ...failures([...REFUSALS, ...SERVICE, 'not_found'], [], 'OpenAIError') }
    case 'get /health':
    case 'get /health/live':
      return { 200: health }
    case 'get /health/ready':
      return { 200: health, 503: { ...health, description: 'It shuts down.' } }
    case 'get /metrics':
      return { 200: { description: 'What was counted, for Prometheus.', headers: requestId, content: { 'text/plain': { schema: string } } }, ...failures(['unauthenticated', 'forbidden', 'internal'], [], 'Error', requestId) }
    default:
      return { ...(method === 'delete' && { 204: nothing }), ...failures([...REFUSALS, 'not_found']) }
  }
}

/** Failures by status, each with the kinds that have it. */
function failures (types: readonly ErrorType[], others: readonly string[] = [], schema: 'Error' | 'OpenAIError' = 'Error', headers: object = counted): Responses {
  const statuses = new Map<string, string[]>(others.map(status => [status, ['`invalid_request`: Invalid request']]))
  for (const { name, errorType, status, message } of errorRows()) {
    if (types.includes(name)) statuses.set(String(status), [...statuses.get(String(status)) ?? [], `\`${errorType}\`: ${message}`])
  }
  return Object.fromEntries(Array.from(statuses, ([status, kinds]) => [status, {
    description: kinds.join('; '),
    headers: {
      ...headers,
      'X-Error-Type': headerOf('Which of them it is.'),
      ...((status === '429' || status === '503') && { 'Retry-After': headerOf('Seconds to wait, where that is known.', seconds) }),
      ...(types.includes('already_asked') && schema === 'OpenAIError' && { 'X-Should-Retry': headerOf('Where the service may have worked on the question.', { type: 'string', enum: ['false'] }) })
    },
    content: { ...json(ref(schema)), ...(schema === 'Error' && { 'text/plain': { schema: { ...string, description: '`Error: <message>`' } } }) }
  }]))
}
