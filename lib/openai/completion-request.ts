import Type, { type Static } from 'typebox'
import { type ChatRequest, EFFORTS, MAX_TEXT, ROLES, type Tuning } from '../chat-request.ts'
import { GatewayError, type Issue } from '../errors.ts'
import { toTuning } from './tuning.ts'

/** The fields of `POST /v1/chat/completions` that the gateway reads. Of the other fields it refuses the unsupported ones and ignores the rest. */
export const CompletionRequest = Type.Object({
  model: Type.Optional(Type.Union([Type.String({ maxLength: 120 }), Type.Null()], { description: 'Which model answers; the service chooses when absent.' })),
  messages: Type.Array(Type.Object({
    role: Type.Enum(['system', 'developer', ...ROLES]),
    content: Type.Optional(Type.Unknown({ description: 'A string, or a list of `{ "type": "text", "text": "…" }`.' }))
  }, { additionalProperties: true }), { minItems: 1, description: 'The conversation; the latest message is the user\'s. `system` and `developer` are instructions.' }),
  stream: Type.Optional(Type.Union([Type.Boolean(), Type.Null()])),
  stream_options: Type.Optional(Type.Union([Type.Object({ include_usage: Type.Optional(Type.Union([Type.Boolean(), Type.Null()])) }, { additionalProperties: true }), Type.Null()])),
  reasoning_effort: Type.Optional(Type.Union([Type.String(), Type.Null()], { description: '`low`, `medium` or `high`; others are ignored.' }))
}, { additionalProperties: true })
export type CompletionRequest = Static<typeof CompletionRequest>

/** A request in OpenAI's format, translated for the gateway. */
export interface Completion {
  readonly question: ChatRequest & { readonly instructions?: string, readonly effort?: typeof EFFORTS[number], readonly tuning: Tuning }
  readonly stream: boolean
  readonly includeUsage: boolean
  /** Names of parameters that only tune the answer, all of which are ignored unless the service honours them. */
  readonly ignored: readonly string[]
}

const READ = new Set(['model', 'messages', 'stream', 'stream_options', 'reasoning_effort'])

/** Unsupported parameters that would change the meaning of the answer. Each function is true for a value that is harmless. */
const UNSUPPORTED: Readonly<Record<string, (value: unknown) => boolean>> = {
  tools: () => false,
  functions: () => false,
  tool_choice: value => value === 'none',
  function_call: value => value === 'none',
  response_format: value => fieldOf(value, 'type') === 'text',
  n: value => value === 1,
  logprobs: value => value === false,
  top_logprobs: value => value === 0,
  modalities: value => Array.isArray(value) && value.every(modality => modality === 'text'),
  audio: () => false,
  web_search_options: () => false
}

/** Limits for the header that lists ignored parameters, because the client chooses the names: how many names, and their characters. */
const MAX_NAMED = 50
const NAME = /^\w{1,64}$/

/**
 * Translates a request in OpenAI's format into a question. Throws a {@link GatewayError} `invalid_request` that names each
 * unsupported parameter. Such a parameter is not dropped silently, because the answer would be to a different question.
 */
export function toCompletion (body: CompletionRequest): Completion {
  const others = Object.entries(body).filter(([name, value]) => !READ.has(name) && !isNothing(value))
  const unsupported = others.filter(([name, value]) => Object.hasOwn(UNSUPPORTED, name) && !UNSUPPORTED[name]?.(value))
  if (unsupported.length > 0) throw invalid(unsupported.map(([path]) => ({ path, message: 'is not supported here' })))

  const { model, messages, stream, stream_options: options, reasoning_effort: wanted } = body
  const effort = EFFORTS.find(effort => effort === wanted)
  const ignored = others.map(([name]) => name).filter(name => !Object.hasOwn(UNSUPPORTED, name) && NAME.test(name))
  if (wanted && !effort) ignored.push('reasoning_effort')
  return {
    question: { ...toConversation(messages), mode: 'explain-only', ...(model?.trim() && { model: model.trim() }), ...(effort && { effort }), tuning: toTuning(body) },
    stream: stream ?? false,
    includeUsage: options?.include_usage ?? false,
    ignored: ignored.slice(0, MAX_NAMED)
  }
}

function toConversation (messages: CompletionRequest['messages']): Pick<Completion['question'], 'prompt' | 'messages' | 'instructions'> {
  const instructions: string[] = []
  const turns: Array<{ role: typeof ROLES[number], content: string, path: string }> = []
  messages.forEach((message, index) => {
    const path = `messages.${index}`
    for (const name of ['tool_calls', 'function_call', 'audio']) {
      const value: unknown = fieldOf(message, name)
      if (!isNothing(value)) throw invalid([{ path: `${path}.${name}`, message: 'is not supported here' }])
    }
    const content = toText(message.content, `${path}.content`)
    const { role } = message
    // An answer without text, such as one stopped before its first word, is skipped. A question without text is invalid.
    if (content.trim() === '' && role !== 'user') return
    if (role === 'system' || role === 'developer') instructions.push(content)
    else turns.push({ role, content, path })
  })
  const latest = turns.pop()
  if (latest?.role !== 'user' || latest.content.trim() === '') throw invalid([{ path: 'messages', message: 'the latest message must be the user\'s, and not empty' }])
  const prompt = latest.content.trim()
  if ([...prompt].length > MAX_TEXT) throw invalid([{ path: `${latest.path}.content`, message: `must not have more than ${MAX_TEXT} characters` }])
  return {
    prompt,
    ...(turns.length > 0 && { messages: turns.map(({ role, content }) => ({ role, content })) }),
    ...(instructions.length > 0 && { instructions: instructions.join('\n\n') })
  }
}

function toText (content: unknown, path: string): string {
  if (isNothing(content)) return ''
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) throw invalid([{ path, message: 'must be a string or a list of text parts' }])
  return content.map((part: unknown, index) => {
    const text = fieldOf(part, 'text')
    if (fieldOf(part, 'type') === 'text' && typeof text === 'string') return text
    throw invalid([{ path: `${path}.${index}`, message: 'only parts of type text are supported here' }])
  }).join('')
}

function invalid (issues: readonly Issue[]): GatewayError {
  return new GatewayError('invalid_request', { issues })
}

function fieldOf (value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Object.getOwnPropertyDescriptor(value, name)?.value : undefined
}

/** True for the values that clients send for a parameter that they do not use. */
function isNothing (value: unknown): boolean {
  return value === null || value === undefined || (Array.isArray(value) && value.length === 0)
}
