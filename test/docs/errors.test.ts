import { test } from 'tap'
import { type ErrorType, GatewayError, isErrorType } from '../../lib/errors.ts'
import { tableRows } from './tables.ts'

// The compiler sees to it that this list has every kind, and no other.
const kinds = Object.keys({
  invalid_request: true,
  unauthenticated: true,
  forbidden: true,
  not_found: true,
  client_stalled: true,
  already_asked: true,
  stopped: true,
  abandoned: true,
  idempotency_mismatch: true,
  past_the_end: true,
  too_many_requests: true,
  budget_exhausted: true,
  too_many_streams: true,
  token_missing: true,
  auth: true,
  connection: true,
  connection_lost: true,
  timeout: true,
  idle_timeout: true,
  max_duration: true,
  rate_limited: true,
  service_overloaded: true,
  upstream: true,
  bad_reply: true,
  stream_empty: true,
  length: true,
  filtered: true,
  answer_too_large: true,
  auth_unavailable: true,
  overloaded: true,
  store_unavailable: true,
  producer_lost: true,
  draining: true,
  internal: true
} satisfies Record<ErrorType, true>).filter(isErrorType)

test('docs/api.md has every error with its status and the beginning of its message', async t => {
  const rows = await tableRows('docs/api.md', 'X-Error-Type')
  const errors = kinds.map(kind => new GatewayError(kind))

  t.strictSame(
    rows.map(([errorType, status, message]) => ({ errorType, status, message })),
    errors.map(({ errorType, status, message }) => ({ errorType, status: String(status), message }))
  )
})
