import { errors } from 'undici'
import type { IncomingHttpHeaders } from 'undici/types/header.js'
import { describe, type ErrorType, GatewayError, isErrorType, ReportedError } from '../errors.ts'
import { sanitize } from '../redact.ts'
import { retryAfter } from './retry-after.ts'

/** Error codes for which this machine is responsible, not the service: it has no descriptors, ports or memory left for a connection. */
const EXHAUSTED = ['EMFILE', 'ENFILE', 'EADDRNOTAVAIL', 'ENOBUFS', 'ENOMEM'] as const

/** Error codes of a connection that was never made. The request was not sent, so the service cannot have processed it. */
const UNSENT = new Set<string>([...EXHAUSTED, 'ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT'])

const BY_CODE: Readonly<Record<string, ErrorType>> = {
  ...Object.fromEntries(EXHAUSTED.map(code => [code, 'overloaded'])),
  UND_ERR_CONNECT_TIMEOUT: 'timeout',
  UND_ERR_HEADERS_TIMEOUT: 'timeout',
  UND_ERR_BODY_TIMEOUT: 'idle_timeout',
  UND_ERR_HEADERS_OVERFLOW: 'bad_reply',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'bad_reply'
}

/** Matches the codes of OpenSSL and Node for a certificate that is not accepted (Node.js, `tls`, X509 certificate error codes). */
const CERTIFICATE = /CERT|CRL|_CA\b|CA_|ISSUER|LEAF_SIGNATURE|HOSTNAME_MISMATCH|PURPOSE|PATH_LENGTH|PRX_TLS/
/** Matches the codes of TLS handshakes that failed for another reason than the certificate. */
const TLS = /^(ERR_SSL_|ERR_TLS_|EPROTO)/

/** Messages of undici for replies that are valid HTTP but do not fit the request, with what the log says instead. */
const UNASKED: Readonly<Record<string, string>> = {
  'bad response': 'it began with 100 Continue, which nobody had asked for',
  'bad upgrade': 'it changed to another protocol, which nobody had asked for'
}

/** Error types that a service may report itself. The client gets the gateway's message for them, followed by the service's. */
const THEIRS = new Set<ErrorType>(['token_missing', 'auth', 'rate_limited', 'connection', 'connection_lost', 'timeout', 'idle_timeout', 'max_duration', 'bad_reply', 'stream_empty'])
/** Error types by which a service says that it is overloaded, whatever the status is. */
const BUSY = new Set(['overloaded', 'draining', 'too_many_streams'])
/** The longest host that is shown, in characters: the longest name that DNS allows (RFC 1035 §2.3.4), and a port. */
const MAX_HOST = 260
/** Error types that mean that the service does not answer any question at the moment. */
const REFUSALS = new Set(['rate_limited', 'overloaded'])
/** Statuses of redirects (RFC 9110 §15.4). They are not followed, because a question must not be sent to another server. */
const REDIRECTS = new Set([300, 301, 302, 303, 307, 308])

function codeOf (error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}

/** True when the request that failed cannot have reached the upstream, so that sending it again is safe. */
export function isUnsent (error: unknown): boolean {
  return UNSENT.has(codeOf(error))
}

/**
 * Turns an error of the connection to the upstream into an error of the contract. An error of the gateway (the reason of an abort,
 * a failure that the service reported) is returned as it is. `sent` says whether any of the request was written.
 */
export function fromTransport (error: unknown, sent = !isUnsent(error)): GatewayError | ReportedError {
  if (error instanceof GatewayError || error instanceof ReportedError) return error
  const unasked = error instanceof errors.SocketError ? UNASKED[error.message] : undefined
  if (unasked) return new GatewayError('bad_reply', { cause: error, detail: unasked })
  // undici's error for bytes that are not HTTP has no code.
  const errorType = error instanceof errors.HTTPParserError ? 'bad_reply' : BY_CODE[codeOf(error)]
  if (errorType) return new GatewayError(errorType, { cause: error })
  const detail = sent ? undefined : whyNotConnected(error)
  return new GatewayError(sent ? 'connection_lost' : 'connection', { cause: error, ...(detail && { detail }) })
}

function whyNotConnected (error: unknown): string | undefined {
  const code = codeOf(error)
  if (CERTIFICATE.test(code)) return `its certificate was refused (${code})`
  if (TLS.test(code)) return 'it does not speak TLS as it should'
  // undici gives all failures of a proxy the same code; only the message has the status.
  const status = error instanceof Error && /^Proxy response \((\d{3})\)/.exec(error.message)?.[1]
  return status ? `the proxy refused to (status ${status})` : undefined
}

/** An error reply of the Copilot service. */
export interface ErrorReply {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** The beginning of its body, decoded as UTF-8. */
  readonly text: string
}

/** A failure that the Copilot service reported, in a reply or in the middle of an answer. */
export interface Report {
  readonly status: number
  /** The error type that the service reported; empty when it reported none. */
  readonly errorType: string
  /** The message that the service reported, not sanitized; empty when it reported none. */
  readonly message: string
  /** How many seconds to wait before asking again. */
  readonly retryAfter?: number | undefined
}

/** True for the status of an error reply or a redirect. */
export function isFailure (status: number): boolean {
  return status >= 400 || REDIRECTS.has(status)
}

/** True for a status that means that something is wrong with the service, and not with this one question. */
export function isFailing (status: number): boolean {
  return status >= 502 && status <= 504
}

/**
 * Records in a failure which service it came from, unless that is recorded already. Values that are not errors of the contract are
 * returned as they are. `status` is the status of the service's reply, if there was one: a service that answers 429, or 503
 * because it is overloaded, has not processed the question.
 */
export function blame<Failure> (failure: Failure, url: string, status?: number): Failure {
  if (failure instanceof GatewayError || failure instanceof ReportedError) {
    const unprocessed = status === 429 || (status === 503 && failure.errorType === 'overloaded')
    failure.source ??= { url, unprocessed, refused: REFUSALS.has(failure.errorType), failing: isFailing(status ?? failure.status) }
  }
  return failure
}

/** Marks a failure as one whose question the service may have processed, so that nobody sends it again. */
export function processed<Failure> (failure: Failure): Failure {
  if ((failure instanceof GatewayError || failure instanceof ReportedError) && failure.source) failure.source = { ...failure.source, unprocessed: false, refused: false }
  return failure
}

/** Turns an error reply into an error of the contract, as {@link fromReport} does. `url` is the URL that was requested. */
export function fromReply ({ status, headers, text }: ErrorReply, secrets: readonly string[], url = ''): GatewayError | ReportedError {
  if (REDIRECTS.has(status)) return new GatewayError('upstream', { detail: describeRedirect([headers.location ?? ''].flat()[0], url || undefined) })
  const report = { status, ...parseReport(text), retryAfter: retryAfter(headers['retry-after']) }
  if (report.errorType !== '' || !isOverload(report)) return fromReport(report, secrets)
  const failure = fromReport({ ...report, errorType: 'overloaded' }, secrets)
  // Whoever sent it does not say that the question was refused before it was processed.
  failure.source = { url, unprocessed: false, refused: false, failing: true }
  return failure
}

/** True when the status alone says that the service has too much to do: 529, which several model providers use for that, or 503 with a time to come back at (RFC 9110 §15.6.4). */
function isOverload ({ status, retryAfter }: Report): boolean {
  return status === 529 || (status === 503 && retryAfter !== undefined)
}

/**
 * Turns a failure that the service reported into an error of the contract, by the error type that it reported and by the status. The
 * service's message becomes the error's message, or follows the gateway's own. It is sanitized first: one line, at most 500
 * characters, without `secrets`.
 */
export function fromReport ({ status, errorType: reported, retryAfter, ...report }: Report, secrets: readonly string[]): GatewayError | ReportedError {
  const message = sanitize(report.message, secrets) || undefined
  const headers: Record<string, string> = retryAfter === undefined ? {} : { 'Retry-After': String(retryAfter) }
  // The service speaks to the gateway here, its own caller, so the message is for the log and not for the client.
  if (BUSY.has(reported)) return new GatewayError('service_overloaded', { headers, ...(message && { cause: new Error(message) }) })
  if (status === 429 || reported === 'rate_limited') return ours('rate_limited', message, headers)
  if ([400, 413, 422].includes(status) || reported === 'invalid_request') return new ReportedError('invalid_request', message)
  if (isErrorType(reported)) {
    if (THEIRS.has(reported)) return ours(reported, message)
  } else if (/^[a-z][a-z0-9_]{0,39}$/.test(reported)) {
    return new ReportedError(reported, message)
  }
  // The service refuses the gateway's own token, not Copilot's. `auth` would tell the user to sign in, which does not help here.
  if (status === 401 && reported === 'unauthenticated') return new GatewayError('upstream', { detail: 'it does not know this gateway' })
  return status === 401 || status === 403 ? ours('auth', message) : new ReportedError('upstream', message)
}

function ours (errorType: ErrorType, message: string | undefined, headers: Record<string, string> = {}): GatewayError {
  return new GatewayError(errorType, { detail: describe(errorType, message), headers })
}

/** Describes where a redirect leads. Only the host is named, because a path or a query may have a secret in it. */
function describeRedirect (location: string | undefined, base: string | undefined): string {
  const target = location && URL.canParse(location, base) ? new URL(location, base).host : ''
  return `it redirects${target && ` to ${target.slice(0, MAX_HOST)}`}, and redirects are not followed`
}

function parseReport (text: string): { errorType: string, message: string } {
  let report: unknown
  try {
    report = JSON.parse(text)
  } catch {}
  const said = fields(report)
  // In OpenAI's format, `error` is an object.
  const message = typeof said.error === 'object' ? fields(said.error).message : said.error
  return { errorType: string(said.errorType), message: string(message) }
}

function fields (value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}

function string (value: unknown): string {
  return typeof value === 'string' ? value : ''
}
