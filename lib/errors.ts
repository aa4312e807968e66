import type { Ending } from './answer/answer.ts'

/** The ways in which a reply can end. */
export const ENDS = [
  'complete', 'client_left', 'client_stalled', 'stopped', 'abandoned',
  'length', 'filtered', 'upstream_failed', 'timeout', 'idle_timeout', 'max_duration', 'drained', 'store_lost', 'producer_lost'
] as const

/** How a reply ended, as the log says it: whole, or how it failed. */
export type Ended = (typeof ENDS)[number]

/** What is no fault of anybody who runs the gateway: a whole reply, one that its reader gave up, one that its model did not finish. */
const EXPECTED: ReadonlySet<Ended | null> = new Set<Ended>(['complete', 'client_left', 'stopped', 'length', 'filtered'])

/** True for an end that somebody should look at. */
export function isFailed (ended: Ended | null): boolean {
  return !EXPECTED.has(ended)
}

/** One row of the error contract: the status and the message for one kind of failure. */
interface ErrorRow {
  /** The `errorType` that clients get; by default the name of the row. Rows share one when clients should treat them alike. */
  readonly errorType?: string
  readonly status: number
  /** The value of `ended` in the log. Absent for a refusal, which is a complete reply. */
  readonly ended?: Ended
  /** How the message begins; a detail may follow after a colon. */
  readonly message: string
  readonly headers?: Readonly<Record<string, string>>
  /** The same request may succeed a little later. */
  readonly retryable?: true
}

/** Every kind of failure the gateway itself names. Nothing else decides a status or the beginning of a message. */
const rows = {
  // Failures caused by the client.
  invalid_request: { status: 400, message: 'Invalid request' },
  unauthenticated: { status: 401, message: 'Authentication required', headers: { 'WWW-Authenticate': 'Bearer realm="copilot-stream-gateway"' } },
  forbidden: { status: 403, message: 'Forbidden' },
  not_found: { status: 404, message: 'Not found' },
  client_stalled: { status: 408, ended: 'client_stalled', message: 'Nobody read the answer' },
  already_asked: { status: 409, message: 'This question was asked before' },
  stopped: { status: 409, ended: 'stopped', message: 'The answer was stopped' },
  abandoned: { status: 410, ended: 'abandoned', message: 'The answer was given up because nobody came back for it' },
  idempotency_mismatch: { status: 422, message: 'This Idempotency-Key belongs to another question' },
  past_the_end: { status: 416, message: 'The answer has no such offset' },
  too_many_requests: { errorType: 'rate_limited', status: 429, retryable: true, message: 'Too many requests' },
  budget_exhausted: { status: 429, message: 'The tokens of this caller are spent' },
  too_many_streams: { status: 429, retryable: true, message: 'Too many answers at once', headers: { 'Retry-After': '5' } },

  // Failures of the Copilot service.
  token_missing: { status: 503, ended: 'upstream_failed', message: 'GitHub Copilot is not configured' },
  auth: { status: 401, ended: 'upstream_failed', message: 'GitHub Copilot authentication failed' },
  connection: { status: 503, ended: 'upstream_failed', retryable: true, message: 'Could not connect to Copilot service' },
  connection_lost: { errorType: 'connection', status: 503, ended: 'upstream_failed', retryable: true, message: 'The connection to Copilot service was lost' },
  timeout: { status: 504, ended: 'timeout', retryable: true, message: 'Copilot did not answer in time' },
  idle_timeout: { status: 504, ended: 'idle_timeout', retryable: true, message: 'Copilot fell silent in the middle of its answer' },
  max_duration: { status: 504, ended: 'max_duration', message: 'The answer took longer than an answer may' },
  rate_limited: { status: 429, ended: 'upstream_failed', retryable: true, message: 'Copilot is rate limiting' },
  service_overloaded: { errorType: 'overloaded', status: 503, ended: 'upstream_failed', retryable: true, message: 'Copilot service has too much to do', headers: { 'Retry-After': '5' } },
  upstream: { status: 500, ended: 'upstream_failed', message: 'Copilot service returned an error' },
  bad_reply: { status: 502, ended: 'upstream_failed', retryable: true, message: 'Copilot service sent a reply that was not understood' },
  stream_empty: { status: 502, ended: 'upstream_failed', retryable: true, message: 'Copilot service sent an empty answer' },
  length: { status: 502, ended: 'length', message: 'The model broke the answer off because it was too long' },
  filtered: { status: 502, ended: 'filtered', message: 'The answer was filtered' },
  answer_too_large: { status: 502, ended: 'upstream_failed', message: 'The answer is larger than a resumable answer may be' },

  // Failures of the gateway.
  auth_unavailable: { status: 503, retryable: true, message: 'Authentication cannot be checked at the moment', headers: { 'Retry-After': '5' } },
  overloaded: { status: 503, retryable: true, message: 'The gateway has too much to do', headers: { 'Retry-After': '5' } },
  store_unavailable: { status: 503, ended: 'store_lost', retryable: true, message: 'The store of answers cannot be reached at the moment', headers: { 'Retry-After': '5' } },
  producer_lost: { status: 503, ended: 'producer_lost', retryable: true, message: 'The gateway that was fetching the answer is gone' },
  draining: { status: 503, ended: 'drained', retryable: true, message: 'The gateway is shutting down', headers: { 'Retry-After': '5', Connection: 'close' } },
  internal: { status: 500, message: 'Internal error' }
} as const satisfies Record<string, ErrorRow>

/** The kinds of failure in the gateway's own table. */
export type ErrorType = keyof typeof rows

/** One broken rule of a request; `path` is dotted (`messages.0.content`), empty for the body as a whole. */
export interface Issue { readonly path: string, readonly message: string }

/** The Copilot service that a failure came from, for operators. */
export interface Source {
  /** The service's configured URL, without credentials. */
  readonly url: string
  /** The question cannot have been processed: it was never sent, or the service refused it before it began. */
  readonly unprocessed: boolean
  /** The service has refused the question as a whole, because of a limit or too much to do: in a reply, or in an event before anything of an answer. */
  readonly refused?: boolean
  /** It counts against the service, and not against the question. */
  readonly failing: boolean
}

/** What a client is told about a failure. */
export interface MappedError {
  readonly status: number
  /** A row of the table, or the kind that the Copilot service reported (`sdk`, `spawn`, …). */
  readonly errorType: string
  readonly message: string
  readonly headers: Readonly<Record<string, string>>
  /** How the log says that the reply ended. */
  readonly ended: Ended
  /** The same request may succeed a little later. */
  readonly retryable: boolean
  readonly issues?: readonly Issue[]
  /** Where it came from; absent when no service was asked, or is to blame. Told to operators alone. */
  readonly source?: Source
  /** What the service says of the end, and of the cost, of an answer that is none. */
  readonly ending?: Ending
}

/** Details in addition to the row of the table. */
export interface GatewayErrorOptions extends ErrorOptions {
  /** Follows the row's message after a colon. Reaches clients: never put a secret or a path in it. */
  detail?: string
  /** Added to the row's headers. */
  headers?: Record<string, string>
  /** Replaces the row's status, for the few kinds that have more than one (400, 413, 415, … of `invalid_request`). */
  status?: number
  issues?: readonly Issue[]
  ending?: Ending
}

/** A failure with its place in the error contract: thrown anywhere, answered by the error handler. */
export class GatewayError extends Error implements MappedError {
  readonly errorType: string
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly ended: Ended
  readonly retryable: boolean
  readonly issues?: readonly Issue[]
  source?: Source
  readonly ending?: Ending

  constructor (errorType: ErrorType, options: GatewayErrorOptions = {}) {
    const row: ErrorRow = rows[errorType]
    super(options.detail ? `${row.message}: ${options.detail}` : row.message, options)
    this.name = 'GatewayError'
    this.errorType = row.errorType ?? errorType
    this.status = options.status ?? row.status
    this.headers = { ...row.headers, ...options.headers }
    this.ended = row.ended ?? 'complete'
    this.retryable = row.retryable ?? false
    if (options.issues) this.issues = options.issues
    if (options.ending) this.ending = options.ending
  }
}

/**
 * A failure that the Copilot service described in words of its own, which are the message. Under a name that is not in the
 * table (`sdk`, `spawn`, …) it has the status of the row `upstream`.
 */
export class ReportedError extends Error implements MappedError {
  readonly errorType: string
  readonly status: number
  readonly headers: Readonly<Record<string, string>> = {}
  readonly ended = 'upstream_failed'
  readonly retryable = false
  source?: Source

  constructor (errorType: string, message: string | undefined) {
    const row = isErrorType(errorType) ? rows[errorType] : rows.upstream
    super(message ?? row.message)
    this.name = 'ReportedError'
    this.errorType = errorType
    this.status = row.status
  }
}

/** The kinds of failure after which the log says that the reply ended in one of the given ways. */
export function errorTypesOf (...ends: readonly Ended[]): string[] {
  return [...new Set(errorRows().filter(({ ended }) => ends.includes(ended)).map(({ errorType }) => errorType))]
}

/** The rows of the table: the gateway's name for each, and what clients are told. */
export function errorRows (): Array<{ readonly name: ErrorType } & Pick<MappedError, 'errorType' | 'status' | 'message' | 'ended'>> {
  return Object.keys(rows).filter(isErrorType).map(name => {
    const { errorType, status, message, ended } = new GatewayError(name)
    return { name, errorType, status, message, ended }
  })
}

/** True for the names of the table, false for anything else an upstream may call its failures. */
export function isErrorType (name: string): name is ErrorType {
  return Object.hasOwn(rows, name)
}

/** Returns `detail` without the row's message when it already begins with that message, so that it is not repeated. */
export function describe (errorType: ErrorType, detail: string | undefined): string | undefined {
  const { message } = rows[errorType]
  return detail?.startsWith(message) ? detail.slice(message.length).replace(/^[\s:.,;–—-]+/, '') : detail
}

/**
 * Finds the place of any thrown value in the error contract. A value that is not one of the gateway's errors but carries
 * a 4xx `statusCode`, as the errors of Fastify and its plugins do, is the client's mistake and keeps its status and
 * message; everything else is `internal` and says nothing of itself.
 */
export function mapError (error: unknown): GatewayError | ReportedError {
  if (error instanceof GatewayError || error instanceof ReportedError) return error
  if (error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number') {
    const status = error.statusCode
    if (status === 404) return new GatewayError('not_found')
    if (status >= 400 && status < 500) return new GatewayError('invalid_request', { status, detail: error.message, cause: error })
  }
  // A file that could not be opened for want of descriptors can be asked for again.
  if (error instanceof Error && 'code' in error && (error.code === 'EMFILE' || error.code === 'ENFILE')) return new GatewayError('overloaded', { cause: error })
  return new GatewayError('internal', { cause: error })
}
