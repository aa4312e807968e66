import { errors } from 'undici'
import type { IncomingHttpHeaders } from 'undici/types/header.js'
import { describe, type ErrorType, GatewayError, isErrorType, ReportedError } from '../errors.ts'
import { presentable } from '../redact.ts'

/** Failures of a connection that was never made: nothing was sent, so nothing can have been processed. */
const UNSENT = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT'])

const BY_CODE: Readonly<Record<string, ErrorType>> = {
  UND_ERR_CONNECT_TIMEOUT: 'timeout',
  UND_ERR_HEADERS_TIMEOUT: 'timeout',
  UND_ERR_BODY_TIMEOUT: 'idle_timeout',
  UND_ERR_HEADERS_OVERFLOW: 'bad_reply',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'connection'
}

/** Rows that the service may name itself, in the gateway's words with the service's behind them. */
const THEIRS = new Set<ErrorType>(['token_missing', 'auth', 'rate_limited', 'connection', 'timeout', 'idle_timeout', 'bad_reply', 'stream_empty'])

function codeOf (error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}

/** True when the request that failed cannot have reached the upstream, so that sending it again is safe. */
export function isUnsent (error: unknown): boolean {
  return UNSENT.has(codeOf(error))
}

/**
 * Names what broke on the way to or from the upstream. A value that is one of the gateway's errors already (the reason of
 * an abort, a failure that was reported) stays itself.
 */
export function fromTransport (error: unknown): GatewayError | ReportedError {
  if (error instanceof GatewayError || error instanceof ReportedError) return error
  // The error for bytes that are no HTTP comes without a code.
  const errorType = error instanceof errors.HTTPParserError ? 'bad_reply' : BY_CODE[codeOf(error)] ?? 'connection'
  return new GatewayError(errorType, { cause: error, ...(errorType === 'connection' && !isUnsent(error) && { detail: 'the connection was lost' }) })
}

/** An error reply of the Copilot service, as far as it was read. */
export interface ErrorReply {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** The beginning of its body, UTF-8. */
  readonly text: string
}

/**
 * Names the failure that the Copilot service reported, by its own word (`errorType`) and its status. Its text becomes the
 * message, or follows the row's, in presentable form: one line, at most 500 characters, `secrets` taken out.
 */
export function fromReply (reply: ErrorReply, secrets: readonly string[]): GatewayError | ReportedError {
  const { reported, message } = parseReport(reply.text, secrets)
  if (reply.status === 429 || reported === 'rate_limited') return ours('rate_limited', message, retryAfter(reply))
  if ([400, 413, 422].includes(reply.status) || reported === 'invalid_request') return new ReportedError('invalid_request', message)
  if (isErrorType(reported)) {
    if (THEIRS.has(reported)) return ours(reported, message)
  } else if (/^[a-z][a-z0-9_]{0,39}$/.test(reported)) {
    return new ReportedError(reported, message)
  }
  // This speaks of the gateway's own token, not of Copilot's: no signing in of anybody could mend it.
  if (reply.status === 401 && reported === 'unauthenticated') return new GatewayError('upstream', { detail: 'it does not know this gateway' })
  return reply.status === 401 || reply.status === 403 ? ours('auth', message) : new ReportedError('upstream', message)
}

function ours (errorType: ErrorType, message: string | undefined, headers: Record<string, string> = {}): GatewayError {
  return new GatewayError(errorType, { detail: describe(errorType, message), headers })
}

function retryAfter ({ headers }: ErrorReply): Record<string, string> {
  const value = headers['retry-after']
  return typeof value === 'string' && /^[\w ,:+-]{1,64}$/.test(value) ? { 'Retry-After': value } : {}
}

function parseReport (text: string, secrets: readonly string[]): { reported: string, message?: string } {
  let report: unknown
  try {
    report = JSON.parse(text)
  } catch {
    return { reported: '' }
  }
  if (typeof report !== 'object' || report === null) return { reported: '' }
  const message = 'error' in report && typeof report.error === 'string' ? presentable(report.error, secrets) : ''
  return {
    reported: 'errorType' in report && typeof report.errorType === 'string' ? report.errorType : '',
    ...(message && { message })
  }
}
