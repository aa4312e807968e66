import type { MappedError } from '../errors.ts'

/** An error in OpenAI's format. */
export interface OpenAIError {
  readonly error: { readonly message: string, readonly type: string, readonly code: string, readonly param: string | null }
}

/** Converts a failure into OpenAI's format: `code` is the gateway's `errorType`, `param` the field of the first broken rule. */
export function toOpenAI ({ status, errorType, message, issues }: MappedError): OpenAIError {
  const [issue] = issues ?? []
  return {
    error: {
      message: issue ? `${message}: ${issue.path ? `${issue.path}: ` : ''}${issue.message}` : message,
      type: typeOf(status),
      code: errorType,
      param: issue?.path || null
    }
  }
}

function typeOf (status: number): string {
  switch (status) {
    case 401: return 'authentication_error'
    case 403: return 'permission_error'
    case 429: return 'rate_limit_error'
    default: return status < 500 ? 'invalid_request_error' : 'server_error'
  }
}
