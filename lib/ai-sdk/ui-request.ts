import { MAX_SESSION_ID, ROLES } from '../chat-request.ts'
import { GatewayError, type Issue } from '../errors.ts'

/** A request of `useChat` translated into the gateway's format, not yet validated. */
export interface UiQuestion {
  /** The fields of a `ChatRequest`. */
  readonly body: Readonly<Record<string, unknown>>
  /** The text of the system messages. */
  readonly instructions?: string
}

/** The roles of messages in the AI SDK's format. */
const UI_ROLES: readonly unknown[] = ['system', ...ROLES]

/** Types of parts that are not text of the conversation: reasoning, sources and tools of answers, and data of the page. */
const BESIDE = /^(reasoning|step-start|source-url|source-document|dynamic-tool|(tool|data)-.+)$/

/** True for the body that the AI SDK's `DefaultChatTransport` sends: its messages have parts, or it has no messages and a field that only the AI SDK sends. */
export function isUiRequest (body: unknown): body is { readonly messages: readonly unknown[] } {
  if (typeof body !== 'object' || body === null || !('messages' in body) || !Array.isArray(body.messages)) return false
  if (body.messages.some((message: unknown) => typeof message === 'object' && message !== null && 'parts' in message)) return true
  return !('prompt' in body) && ('trigger' in body || ('id' in body && body.messages.length === 0))
}

/**
 * Converts the messages of a chat into a question: the latest message is the prompt, the earlier ones are the conversation, and
 * the `id` of the chat names the conversation. Reasoning, tools and sources of answers are left out. Throws a {@link GatewayError}
 * `invalid_request` that names what is not supported.
 */
export function toQuestion (body: { readonly messages: readonly unknown[] }): UiQuestion {
  const issues: Issue[] = []
  const instructions: string[] = []
  const turns: Array<{ role: string, content: string }> = []
  body.messages.forEach((message, index) => {
    const path = `messages.${index}`
    const role = fieldOf(message, 'role')
    const content = toText(message, path, issues)
    if (!UI_ROLES.includes(role)) issues.push({ path: `${path}.role`, message: `must be one of ${UI_ROLES.join(', ')}` })
    // An answer without text, such as one stopped before its first word, is skipped. A question without text is invalid.
    else if (role === 'user' || content.trim() !== '') role === 'system' ? instructions.push(content) : turns.push({ role: String(role), content })
  })
  const id = idOf(body, issues)
  const latest = turns.pop()
  if (issues.length === 0 && (latest?.role !== 'user' || latest.content.trim() === '')) issues.push({ path: 'messages', message: 'the latest message must be the user\'s, and not empty' })
  if (issues.length > 0) throw new GatewayError('invalid_request', { issues: issues.slice(0, 20) })

  const { messages: _messages, ...others } = body
  return {
    body: { ...others, prompt: latest?.content, ...(turns.length > 0 && { messages: turns }), ...(id !== undefined && { sessionId: id }) },
    ...(instructions.length > 0 && { instructions: instructions.join('\n\n') })
  }
}

/** The name of the chat. It is validated here, because its caller does not know it as a `sessionId`. */
function idOf (body: unknown, issues: Issue[]): string | undefined {
  const id = fieldOf(body, 'id')
  if (typeof id !== 'string' || id === '') return undefined
  const { length } = [...id.trim()]
  if (length === 0 || length > MAX_SESSION_ID) issues.push({ path: 'id', message: `must have 1 to ${MAX_SESSION_ID} characters` })
  return id
}

function toText (message: unknown, path: string, issues: Issue[]): string {
  const parts = fieldOf(message, 'parts')
  if (!Array.isArray(parts)) {
    const content = fieldOf(message, 'content')
    if (typeof content === 'string') return content
    issues.push({ path: `${path}.parts`, message: 'is required' })
    return ''
  }
  return parts.map((part: unknown, index) => {
    const type = fieldOf(part, 'type')
    const text = fieldOf(part, 'text')
    if (type === 'text' && typeof text === 'string') return text
    const issue = (message: string): void => { issues.push({ path: `${path}.parts.${index}`, message }) }
    if (type === 'text' || typeof type !== 'string') issue('must be a part with a type, and a text of it')
    else if (type === 'file') issue('files are not supported here')
    // Unknown parts of answers are skipped, since a later version may add types. In a question, a skipped part would be lost input.
    else if (fieldOf(message, 'role') === 'user' && !BESIDE.test(type)) issue(`parts of type ${/^[\w-]{1,40}$/.exec(type)?.[0] ?? 'other than text'} are not supported here`)
    return ''
  }).join('')
}

function fieldOf (value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Object.getOwnPropertyDescriptor(value, name)?.value : undefined
}
