import { sanitize } from '../../lib/redact.ts'
import { CopilotError } from '../copilot-error.ts'

/** A failure as the SDK reports it, by a `session.error` event, a `model.call_failure` event or an exception. */
export interface SdkFailure {
  message: string
  /** The HTTP status of the model call, when there was one. */
  statusCode?: number
  /** The SDK's own category, such as `authentication` or `rate_limit`. */
  errorType?: string
}

/**
 * Converts a failure of the SDK into an error of the contract with the gateway. `byProvider` is true when a configured provider
 * was asked instead of GitHub. The `secrets` are removed from the message.
 */
export function toCopilotError (failure: SdkFailure, { byProvider, secrets }: { byProvider: boolean, secrets: readonly string[] }): CopilotError {
  const { statusCode, errorType } = failure
  const detail = sanitize(failure.message, secrets)
  if (statusCode === 429 || errorType === 'rate_limit' || errorType === 'quota') {
    return new CopilotError('rate_limited', sanitize(`Copilot is rate limiting: ${detail}`))
  }
  if (statusCode === 401 || statusCode === 403 || errorType === 'authentication' || errorType === 'authorization') {
    // The SDK's own message names environment variables that this service does not read.
    return new CopilotError('auth', byProvider
      ? `GitHub Copilot authentication failed: the model provider refused the credentials (HTTP ${statusCode}); check COPILOT_PROVIDER_API_KEY`
      : sanitize(`GitHub Copilot authentication failed: ${detail}`))
  }
  return new CopilotError('sdk', detail || 'The GitHub Copilot SDK reported an error without a message')
}

/** The readable message in the `errorMessage` of `model.call_failure`, which is JSON: the provider's error object, or a string. */
export function modelCallMessage (errorMessage: string | undefined): string {
  if (errorMessage === undefined) return 'the model call failed'
  let value: unknown
  try {
    value = JSON.parse(errorMessage)
  } catch {
    return errorMessage
  }
  if (typeof value === 'string') return value
  const message: unknown = typeof value === 'object' && value !== null && 'message' in value ? value.message : undefined
  return typeof message === 'string' ? message : errorMessage
}
