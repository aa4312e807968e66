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

/** A failure in words alone, for clients that show a refusal as it is; the broken rules of a request are listed. */
export function inWords ({ message, issues = [] }: MappedError): Refusal {
  const details = issues.map(({ path, message }) => path ? `${path}: ${message}` : message).join('; ')
  return { type: 'text/plain; charset=utf-8', body: details ? `${message}: ${details}` : message }
}

/** A failure as a line of text. A request that breaks rules has several things to be told, which are JSON for everybody. */
export function inText (failure: MappedError, requestId: string): Refusal {
  const { status, errorType, issues } = failure
  return status === 400 && errorType === 'invalid_request' && issues ? inJson(failure, requestId) : inTextAlone(failure)
}

/** The same for those who can show nothing but text. */
export function inTextAlone (failure: MappedError): Refusal {
  const { type, body } = inWords(failure)
  return { type, body: `Error: ${body}` }
}
