import { GatewayError, type Issue } from '../errors.ts'

/** A request of `useChat` in the gateway's own words, still to be validated as one. */
export interface UiQuestion {
  /** What a `ChatRequest` has. */
  readonly body: Readonly<Record<string, unknown>>
  /** What the messages of the system say. */
  readonly instructions?: string
}

/** True for the body that the AI SDK's `DefaultChatTransport` sends: its messages have parts. */
export function isUiRequest (body: unknown): body is { readonly messages: readonly unknown[] } {
  return typeof body === 'object' && body !== null && 'messages' in body && Array.isArray(body.messages) &&
    body.messages.some((message: unknown) => typeof message === 'object' && message !== null && 'parts' in message)
}

/**
 * Turns the messages of a chat into a question: the latest is the prompt, those before it are the conversation, and its `id` names
 * it. What the answers had beside their text (reasoning, tools, sources) is no part of the conversation. Throws a
 * {@link GatewayError} `invalid_request` for what cannot be asked, by name.
 */
export function toQuestion (body: { readonly messages: readonly unknown[] }): UiQuestion {
  const issues: Issue[] = []
  const instructions: string[] = []
  const turns: Array<{ role: string, content: string }> = []
  body.messages.forEach((message, index) => {
    const path = `messages.${index}`
    const role = fieldOf(message, 'role')
    const content = toText(message, path, issues)
    if (role !== 'system' && role !== 'user' && role !== 'assistant') issues.push({ path: `${path}.role`, message: 'must be one of system, user, assistant' })
    else if (content.trim() !== '') role === 'system' ? instructions.push(content) : turns.push({ role, content })
  })
  const latest = turns.pop()
  if (issues.length === 0 && latest?.role !== 'user') issues.push({ path: 'messages', message: 'the latest message must be the user\'s, and not empty' })
  if (issues.length > 0) throw new GatewayError('invalid_request', { issues: issues.slice(0, 20) })

  const { messages: _messages, ...others } = body
  const id = fieldOf(body, 'id')
  return {
    body: { ...others, prompt: latest?.content, ...(turns.length > 0 && { messages: turns }), ...(typeof id === 'string' && id !== '' && { sessionId: id }) },
    ...(instructions.length > 0 && { instructions: instructions.join('\n\n') })
  }
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
    if (type === 'file') issues.push({ path: `${path}.parts.${index}`, message: 'files are not supported here' })
    else if (type === 'text' || typeof type !== 'string') issues.push({ path: `${path}.parts.${index}`, message: 'must be a part with a type, and a text of it' })
    return ''
  }).join('')
}

function fieldOf (value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Object.getOwnPropertyDescriptor(value, name)?.value : undefined
}
