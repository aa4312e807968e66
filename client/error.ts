/** Details of a failure besides its type and message. */
export interface ChatErrorDetails {
  readonly status?: number
  readonly retryable?: boolean
  readonly requestId?: string | undefined
  readonly retryAfter?: number | undefined
  readonly cause?: unknown
}

/**
 * The only kind of error that the client rejects with: there is no answer, or it is not whole. `message` is an English sentence
 * that can be shown to a person.
 */
export class ChatError extends Error {
  /**
   * The type of failure. Most types are the gateway's (`invalid_request`, `unauthenticated`, `rate_limited`, `token_missing`, …:
   * docs/api.md has the table); the client adds
   *
   * - `network`: the gateway could not be reached, or the connection was lost for good
   * - `stopped`: the answer was stopped by {@link Answer.stop}, by the signal, or by another reader of the same answer
   * - `length`: the model broke the answer off at its limit; `partial` is what it wrote
   * - `filtered`: a content filter kept the rest of the answer back
   * - `corrupt`: the text that arrived does not match the size or the digest that the gateway reports
   * - `bad_reply`: the reply is not one of the gateway's, or cannot be parsed (the gateway uses the same name for such a reply of the service)
   */
  readonly errorType: string
  /** The HTTP status, or the one an `error` event names; 0 when there is none. */
  readonly status: number
  /** True when the same request may succeed later. The client does not repeat it by itself, because the question would be asked twice. */
  readonly retryable: boolean
  /** Seconds to wait before a retry, when the gateway says so (429, 503). */
  readonly retryAfter: number | undefined
  /** The id under which the gateway's log has the request. */
  requestId: string | undefined
  /** The text that had arrived. */
  partial = ''

  constructor (errorType: string, message: string, { status = 0, retryable = false, requestId, retryAfter, cause }: ChatErrorDetails = {}) {
    super(message, { cause })
    this.name = 'ChatError'
    this.errorType = errorType
    this.status = status
    this.retryable = retryable
    this.requestId = requestId
    this.retryAfter = retryAfter
  }
}

/** A failure of the connection. */
export function networkError (message: string, cause?: unknown): ChatError {
  return new ChatError('network', message, { retryable: true, cause })
}

/** An error for a reply that cannot be the gateway's. */
export function badReply (message: string, details?: ChatErrorDetails): ChatError {
  return new ChatError('bad_reply', message, details)
}

/** The body of the gateway's error replies. */
interface Refusal {
  readonly error?: string
  readonly errorType?: string
  readonly issues?: ReadonlyArray<{ readonly path: string, readonly message: string }>
}

/** Statuses after which the same request may succeed a little later. */
const TEMPORARY_STATUSES = [429, 502, 503, 504]
/** Error types that are not retryable in spite of such a status. */
const LASTING_KINDS = ['token_missing', 'max_duration', 'answer_too_large']

/** Converts a reply with an error status into an error. Reads the body of the reply. */
export async function refusal (response: Response): Promise<ChatError> {
  const { status, headers } = response
  // The body may not be JSON: a proxy in front of the gateway may have answered with HTML.
  const body: Refusal = await response.json().catch(() => null) ?? {}
  const errorType = body.errorType ?? headers.get('X-Error-Type') ?? 'bad_reply'
  const issues = body.issues?.map(({ path, message }) => `${path} ${message}`.trim()).join('; ')
  const message = body.error ?? `The server answered with status ${status}`
  return new ChatError(errorType, issues ? `${message}: ${issues}` : message, {
    status,
    retryable: TEMPORARY_STATUSES.includes(status) && !LASTING_KINDS.includes(errorType),
    requestId: headers.get('X-Request-Id') ?? undefined,
    retryAfter: seconds(headers.get('Retry-After'))
  })
}

/** `Retry-After` (RFC 9110 §10.2.3), which is a number of seconds or a date, as seconds from now. */
function seconds (retryAfter: string | null): number | undefined {
  if (!retryAfter) return undefined
  const value = /^\d+$/.test(retryAfter) ? Number(retryAfter) : Math.ceil((Date.parse(retryAfter) - Date.now()) / 1000)
  return Number.isNaN(value) ? undefined : Math.max(0, value)
}
