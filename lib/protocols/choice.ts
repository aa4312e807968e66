import type { IncomingHttpHeaders } from 'node:http'
import { acceptsEvents, preferred } from '../sse/negotiation.ts'
import { aiSdk } from './ai-sdk.ts'
import { events } from './events.ts'
import { openai } from './openai.ts'
import type { Protocol } from './protocol.ts'
import { text, textOrJson } from './text.ts'

interface Choice {
  readonly protocol: Protocol
  readonly when: (path: string, headers: IncomingHttpHeaders) => boolean
}

/** Who is told how, unless a route knows more of its request; the first that fits. */
const choices: readonly Choice[] = [
  { protocol: openai({ stream: false, includeUsage: false }), when: path => /^\/v1([/?]|$)/.test(path) },
  { protocol: events, when: (_path, headers) => acceptsEvents(headers) },
  { protocol: textOrJson, when: (_path, headers) => preferred(headers, ['text/plain', 'application/json']) === 'application/json' }
]

/** How a request is told by its path, below the gateway's own prefix, and its headers: as text when nothing else fits. */
export function chosen (path: string, headers: IncomingHttpHeaders): Protocol {
  return choices.find(({ when }) => when(path, headers))?.protocol ?? text
}

/** How a reader of the AI SDK's chats is told, by its headers: in the SDK's own form unless it would rather have nothing but text. */
export function chosenForChats (headers: IncomingHttpHeaders): Protocol {
  return preferred(headers, ['text/event-stream', 'text/plain']) === 'text/plain' ? text : aiSdk
}
