import type { MappedError } from '../errors.ts'

/** An error in OpenAI's form. */
export interface OpenAIError {
  readonly error: { readonly message: string, readonly type: string, readonly code: string, readonly param: string | null }
}

/** Says a failure in OpenAI's form: `code` is the gateway's own name of it, `param` the first rule that was broken. */
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
