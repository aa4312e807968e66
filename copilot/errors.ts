import { presentable } from '../lib/redact.ts'

/**
 * What went wrong, in the words of the upstream wire contract, with the HTTP status each one travels with.
 *
 * `token_missing`: no usable credentials are configured. `auth`: the credentials were refused. `rate_limited`: Copilot or the
 * model provider limits us. `spawn`: the SDK's runtime process could not be started. `sdk`: any other failure the SDK reports.
 * `unknown`: a failure nobody expected, that is, a bug.
 */
export const statusOf = {
  invalid_request: 400,
  unauthenticated: 401,
  auth: 401,
  not_found: 404,
  rate_limited: 429,
  sdk: 500,
  spawn: 500,
  unknown: 500,
  token_missing: 503
} as const

/** One of the error types of the wire contract. */
export type ErrorType = keyof typeof statusOf

/** A failure that is fit to be told to the caller: its message is one line, free of secrets, and at most 500 characters. */
export class CopilotError extends Error {
  readonly errorType: ErrorType

  /**
   * @param errorType - decides the HTTP status, see {@link statusOf}
   * @param message - for the caller's eyes; pass free text through `publicMessage` first
   * @param options.cause - what is behind it, for the log alone
   */
  constructor (errorType: ErrorType, message: string, options?: { cause: unknown }) {
    super(message, options)
    this.name = 'CopilotError'
    this.errorType = errorType
  }
}

/**
 * Makes free text fit to be told to a caller: secrets are replaced by `[redacted]`, see `lib/redact.ts`, all white space and control characters
 * become single spaces, and the result is cut to 500 characters.
 *
 * @param text - what the SDK or a model provider said
 * @param secrets - the configured secrets; none of them is left in the result, whatever it looks like. What has fewer than four
 *   characters is no secret and stays
 */
export function publicMessage (text: string, secrets: readonly string[]): string {
  return presentable(text, secrets)
}
