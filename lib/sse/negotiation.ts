import type { IncomingMessage } from 'node:http'
import accepts from 'accepts'

/** True when a request would rather have an answer as events than as text. Plain text is the default and what a wildcard gets. */
export function acceptsEvents (request: IncomingMessage): boolean {
  return accepts(request).type(['text/plain', 'text/event-stream']) === 'text/event-stream'
}
