import { errors } from 'undici'
import type { IncomingHttpHeaders } from 'undici/types/header.js'
import { describe, type ErrorType, GatewayError, isErrorType, ReportedError } from '../errors.ts'
import { sanitize } from '../redact.ts'
import { retryAfter } from './retry-after.ts'

/** This machine, not the service, had nothing left to make a connection with: descriptors, ports, memory. */
const EXHAUSTED = ['EMFILE', 'ENFILE', 'EADDRNOTAVAIL', 'ENOBUFS', 'ENOMEM'] as const

/** Failures of a connection that was never made: nothing was sent, so nothing can have been processed. */
const UNSENT = new Set<string>([...EXHAUSTED, 'ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT'])

const BY_CODE: Readonly<Record<string, ErrorType>> = {
  ...Object.fromEntries(EXHAUSTED.map(code => [code, 'overloaded'])),
  UND_ERR_CONNECT_TIMEOUT: 'timeout',
  UND_ERR_HEADERS_TIMEOUT: 'timeout',
  UND_ERR_BODY_TIMEOUT: 'idle_timeout',
  UND_ERR_HEADERS_OVERFLOW: 'bad_reply',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'bad_reply'
}

/** What OpenSSL's and Node's codes for a certificate that is not accepted have in common (Node.js, `tls`, X509 certificate error codes). */
const CERTIFICATE = /CERT|CRL|_CA\b|CA_|ISSUER|LEAF_SIGNATURE|HOSTNAME_MISMATCH|PURPOSE|PATH_LENGTH|PRX_TLS/
/** TLS that came to nothing for another reason. */
const TLS = /^(ERR_SSL_|ERR_TLS_|EPROTO)/

/** What undici says of replies that are HTTP, but none to what was asked. */
const UNASKED: Readonly<Record<string, string>> = {
  'bad response': 'it began with 100 Continue, which nobody had asked for',
  'bad upgrade': 'it changed to another protocol, which nobody had asked for'
}

/** Rows that the service may name itself, in the gateway's words with the service's behind them. */
const THEIRS = new Set<ErrorType>(['token_missing', 'auth', 'rate_limited', 'connection', 'connection_lost', 'timeout', 'idle_timeout', 'max_duration', 'bad_reply', 'stream_empty'])
/** What a service says that has too much to do, whatever the status. */
const BUSY = new Set(['overloaded', 'draining', 'too_many_streams'])
/** How much of a host's name is told: as much as one may have (RFC 1035 §2.3.4), and a port. */
const MAX_HOST = 260
/** Those of its failures that say that it will not answer now, whatever the question is. */
const REFUSALS = new Set(['rate_limited', 'overloaded'])
/** Statuses of redirects (RFC 9110 §15.4), which are not followed: a question must not be told to somebody else. */
const REDIRECTS = new Set([300, 301, 302, 303, 307, 308])

function codeOf (error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}

/** True when the request that failed cannot have reached the upstream, so that sending it again is safe. */
export function isUnsent (error: unknown): boolean {
  return UNSENT.has(codeOf(error))
}

/**
 * Names what broke on the way to or from the upstream. A value that is one of the gateway's errors already (the reason of
 * an abort, a failure that was reported) stays itself. `sent`: the request was written, or began to be.
 */
export function fromTransport (error: unknown, sent = !isUnsent(error)): GatewayError | ReportedError {
  if (error instanceof GatewayError || error instanceof ReportedError) return error
  const unasked = error instanceof errors.SocketError ? UNASKED[error.message] : undefined
  if (unasked) return new GatewayError('bad_reply', { cause: error, detail: unasked })
  // The error for bytes that are no HTTP comes without a code.
  const errorType = error instanceof errors.HTTPParserError ? 'bad_reply' : BY_CODE[codeOf(error)]
  if (errorType) return new GatewayError(errorType, { cause: error })
  const detail = sent ? undefined : whyNotConnected(error)
  return new GatewayError(sent ? 'connection_lost' : 'connection', { cause: error, ...(detail && { detail }) })
}

function whyNotConnected (error: unknown): string | undefined {
  const code = codeOf(error)
  if (CERTIFICATE.test(code)) return `its certificate was refused (${code})`
  if (TLS.test(code)) return 'it does not speak TLS as it should'
  // Of a proxy, undici says more in words than by its code.
  const status = error instanceof Error && /^Proxy response \((\d{3})\)/.exec(error.message)?.[1]
  return status ? `the proxy refused to (status ${status})` : undefined
}

/** An error reply of the Copilot service, as far as it was read. */
export interface ErrorReply {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** The beginning of its body, UTF-8. */
  readonly text: string
}

/** A failure that the Copilot service reported, in a reply or in the middle of an answer. */
export interface Report {
  readonly status: number
  /** The service's name for it; empty when it has none. */
  readonly errorType: string
  /** The service's words, as they came; empty when it has none. */
  readonly message: string
  /** How many seconds to wait before asking again. */
  readonly retryAfter?: number | undefined
}

/** True for the status of a reply that says why there is no other. */
export function isFailure (status: number): boolean {
  return status >= 400 || REDIRECTS.has(status)
}

/** True for a status that counts against the service, and not against the question. */
export function isFailing (status: number): boolean {
  return status >= 502 && status <= 504
}

/**
 * Says which service a failure came from, unless it says so itself; what is no error of the contract is nobody's. `status` is that
 * of the service's reply, if it was a reply: one that limits the gateway, or has too much to do, has not begun with the question.
 */
export function blame<Failure> (failure: Failure, url: string, status?: number): Failure {
  if (failure instanceof GatewayError || failure instanceof ReportedError) {
    const unprocessed = status === 429 || (status === 503 && failure.errorType === 'overloaded')
    failure.source ??= { url, unprocessed, refused: REFUSALS.has(failure.errorType), failing: isFailing(status ?? failure.status) }
  }
  return failure
}

/** Says of a failure that the question may have been processed, whatever it says itself. */
export function processed<Failure> (failure: Failure): Failure {
  if ((failure instanceof GatewayError || failure instanceof ReportedError) && failure.source) failure.source = { ...failure.source, unprocessed: false, refused: false }
  return failure
}

/** Names the failure that an error reply is about, as {@link fromReport} does. `url` is what was asked. */
export function fromReply ({ status, headers, text }: ErrorReply, secrets: readonly string[], url?: string): GatewayError | ReportedError {
  if (REDIRECTS.has(status)) return new GatewayError('upstream', { detail: describeRedirect([headers.location ?? ''].flat()[0], url) })
  return fromReport({ status, ...parseReport(text), retryAfter: retryAfter(headers['retry-after']) }, secrets)
}

/**
 * Names a reported failure by the service's own word and its status. Its text becomes the message, or follows the row's, in
 * presentable form: one line, at most 500 characters, `secrets` taken out.
 */
export function fromReport ({ status, errorType: reported, retryAfter, ...report }: Report, secrets: readonly string[]): GatewayError | ReportedError {
  const message = sanitize(report.message, secrets) || undefined
  const headers: Record<string, string> = retryAfter === undefined ? {} : { 'Retry-After': String(retryAfter) }
  // Its words are about its own callers, of whom the gateway is one: they are for the log.
  if (BUSY.has(reported)) return new GatewayError('service_overloaded', { headers, ...(message && { cause: new Error(message) }) })
  if (status === 429 || reported === 'rate_limited') return ours('rate_limited', message, headers)
  if ([400, 413, 422].includes(status) || reported === 'invalid_request') return new ReportedError('invalid_request', message)
  if (isErrorType(reported)) {
    if (THEIRS.has(reported)) return ours(reported, message)
  } else if (/^[a-z][a-z0-9_]{0,39}$/.test(reported)) {
    return new ReportedError(reported, message)
  }
  // This speaks of the gateway's own token, not of Copilot's: no signing in of anybody could mend it.
  if (status === 401 && reported === 'unauthenticated') return new GatewayError('upstream', { detail: 'it does not know this gateway' })
  return status === 401 || status === 403 ? ours('auth', message) : new ReportedError('upstream', message)
}

function ours (errorType: ErrorType, message: string | undefined, headers: Record<string, string> = {}): GatewayError {
  return new GatewayError(errorType, { detail: describe(errorType, message), headers })
}

/** Where a redirect leads, by its host alone: a path or a query may have a secret in it. */
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
  // Services that speak like OpenAI's put an object there.
  const message = typeof said.error === 'object' ? fields(said.error).message : said.error
  return { errorType: string(said.errorType), message: string(message) }
}

function fields (value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}

function string (value: unknown): string {
  return typeof value === 'string' ? value : ''
}
