/** What is known of a failure beyond its kind and message. */
export interface ChatErrorDetails {
  readonly status?: number
  readonly retryable?: boolean
  readonly requestId?: string | undefined
  readonly retryAfter?: number | undefined
  readonly cause?: unknown
}

/**
 * Why there is no answer, or not a whole one: the only error that the client rejects with. `message` is a sentence in
 * English that can be shown as it is.
 */
export class ChatError extends Error {
  /**
   * The kind of failure. Most are the gateway's own (`invalid_request`, `unauthenticated`, `rate_limited`, `token_missing`, …:
   * docs/api.md has the table); the client adds
   *
   * - `network`: the gateway could not be reached, or the connection was lost for good
   * - `stopped`: by {@link Answer.stop}, by the signal, or by another reader of the same answer
   * - `length`: the model broke the answer off at its limit; `partial` is what it wrote
   * - `filtered`: a content filter kept the rest of the answer back
   * - `corrupt`: what arrived is not what the gateway says it sent
   * - `bad_reply`: something that is not the gateway answered, or nothing that can be understood (the gateway's name for the same fault of the service)
   */
  readonly errorType: string
  /** The HTTP status, or the one an `error` event names; 0 when there is none. */
  readonly status: number
  /** True when asking the same again may help. A question is asked twice then: the client never does so by itself. */
  readonly retryable: boolean
  /** Seconds to wait before that, where the gateway says so (429, 503). */
  readonly retryAfter: number | undefined
  /** Finds the request in the gateway's log. */
  requestId: string | undefined
  /** What of the answer had arrived. */
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

/** A reply that the gateway would not have sent. */
export function badReply (message: string, details?: ChatErrorDetails): ChatError {
  return new ChatError('bad_reply', message, details)
}

/** What the gateway says in the body of a refusal. */
interface Refusal {
  readonly error?: string
  readonly errorType?: string
  readonly issues?: ReadonlyArray<{ readonly path: string, readonly message: string }>
}

/** Statuses after which the same request may succeed a little later, … */
const TEMPORARY_STATUSES = [429, 502, 503, 504]
/** … but not for these kinds. */
const LASTING_KINDS = ['token_missing', 'max_duration', 'answer_too_large']

/** The error that a reply with an error status tells. Reads its body. */
export async function refusal (response: Response): Promise<ChatError> {
  const { status, headers } = response
  // A proxy in front of the gateway may have answered, in HTML.
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
