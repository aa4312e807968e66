import type { IncomingHttpHeaders } from 'node:http'
import { acceptsEvents, preferred } from '../sse/negotiation.ts'
import { aiSdk } from './ai-sdk.ts'
import { events } from './events.ts'
import { openai } from './openai.ts'
import type { Protocol } from './protocol.ts'
import { text, textAlone, textOrJson } from './text.ts'

interface Choice {
  readonly protocol: Protocol
  readonly when: (path: string, headers: IncomingHttpHeaders) => boolean
}

/** The protocols by request; the first that matches is used, unless the route decides. */
const choices: readonly Choice[] = [
  { protocol: openai({ stream: false, includeUsage: false }), when: path => /^\/v1([/?]|$)/.test(path) },
  { protocol: events, when: (_path, headers) => acceptsEvents(headers) },
  { protocol: textOrJson, when: (_path, headers) => preferred(headers, ['text/plain', 'application/json']) === 'application/json' }
]

/** The protocol for a request by its path (without the gateway's prefix) and its headers; text by default. */
export function chosen (path: string, headers: IncomingHttpHeaders): Protocol {
  return choices.find(({ when }) => when(path, headers))?.protocol ?? text
}

/** The protocol for a reader of the AI SDK's chats by its headers: the SDK's own format, unless the reader prefers text. */
export function chosenForChats (headers: IncomingHttpHeaders): Protocol {
  return preferred(headers, ['text/event-stream', 'text/plain']) === 'text/plain' ? textAlone : aiSdk
}
