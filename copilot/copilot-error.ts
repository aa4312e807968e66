import { ReportedError } from '../lib/errors.ts'

/**
 * The error types of the contract between gateway and service; `lib/errors.ts` has the status of each.
 *
 * `token_missing`: no usable credentials are configured. `auth`: the credentials were refused. `rate_limited`: Copilot or the
 * model provider limits this service. `spawn`: the SDK's runtime process could not be started. `sdk`: any other failure that the SDK
 * reports. `unknown`: an unexpected failure, that is, a bug.
 */
export type ErrorType = 'invalid_request' | 'unauthenticated' | 'not_found' | 'token_missing' | 'auth' | 'rate_limited' | 'spawn' | 'sdk' | 'unknown'

/** A failure that may be shown to the caller: its message is one line, free of secrets, and at most 500 characters. */
export class CopilotError extends ReportedError {
  /** The caller must pass free text through `sanitize` first. `cause` is the underlying error, for the log only. */
  constructor (errorType: ErrorType, message: string, options: { cause?: unknown } = {}) {
    super(errorType, message)
    this.name = 'CopilotError'
    if ('cause' in options) this.cause = options.cause
  }
}
