import type { MappedError } from '../errors.ts'
import type { Refusal } from './protocol.ts'

/** A failure as JSON; the broken rules of a request are listed. */
export function inJson ({ status, errorType, message, retryable, issues }: MappedError, requestId: string): Refusal {
  const listed = status === 400 && errorType === 'invalid_request' ? issues : undefined
  return {
    type: 'application/json; charset=utf-8',
    body: JSON.stringify({ error: message, errorType, requestId, retryable, issues: listed })
  }
}

/** A failure as a line of text. A request that breaks rules has several things to be told, which are JSON for everybody. */
export function inText (failure: MappedError, requestId: string): Refusal {
  const { status, errorType, message, issues } = failure
  if (status === 400 && errorType === 'invalid_request' && issues) return inJson(failure, requestId)
  return { type: 'text/plain; charset=utf-8', body: `Error: ${message}` }
}
