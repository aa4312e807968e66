import { test } from 'tap'
import { describe, type ErrorType, GatewayError, isErrorType, mapError, ReportedError } from '../../lib/errors.ts'

const contract: Record<ErrorType, [status: number, message: string, errorType?: string]> = {
  invalid_request: [400, 'Invalid request'],
  unauthenticated: [401, 'Authentication required'],
  forbidden: [403, 'Forbidden'],
  not_found: [404, 'Not found'],
  client_stalled: [408, 'Nobody read the answer'],
  already_asked: [409, 'This question was asked before'],
  stopped: [409, 'The answer was stopped'],
  abandoned: [410, 'The answer was given up because nobody came back for it'],
  idempotency_mismatch: [422, 'This Idempotency-Key belongs to another question'],
  past_the_end: [416, 'The answer has no such offset'],
  too_many_requests: [429, 'Too many requests', 'rate_limited'],
  budget_exhausted: [429, 'The tokens of this caller are spent'],
  too_many_streams: [429, 'Too many answers at once'],
  token_missing: [503, 'GitHub Copilot is not configured'],
  auth: [401, 'GitHub Copilot authentication failed'],
  connection: [503, 'Could not connect to Copilot service'],
  connection_lost: [503, 'The connection to Copilot service was lost', 'connection'],
  timeout: [504, 'Copilot did not answer in time'],
  idle_timeout: [504, 'Copilot fell silent in the middle of its answer'],
  max_duration: [504, 'The answer took longer than an answer may'],
  rate_limited: [429, 'Copilot is rate limiting'],
  service_overloaded: [503, 'Copilot service has too much to do', 'overloaded'],
  upstream: [500, 'Copilot service returned an error'],
  bad_reply: [502, 'Copilot service sent a reply that was not understood'],
  stream_empty: [502, 'Copilot service sent an empty answer'],
  length: [502, 'The model broke the answer off because it was too long'],
  filtered: [502, 'The answer was filtered'],
  answer_too_large: [502, 'The answer is larger than a resumable answer may be'],
  auth_unavailable: [503, 'Authentication cannot be checked at the moment'],
  overloaded: [503, 'The gateway has too much to do'],
  store_unavailable: [503, 'The store of answers cannot be reached at the moment'],
  producer_lost: [503, 'The gateway that was fetching the answer is gone'],
  draining: [503, 'The gateway is shutting down'],
  internal: [500, 'Internal error']
}

test('every kind of failure has the status and the message of the contract', async t => {
  for (const [name, [status, message, errorType = name]] of Object.entries(contract)) {
    if (!isErrorType(name)) return t.fail(`${name} is not in the table`)
    const error = new GatewayError(name)
    t.match(error, { errorType, status, message }, name)
    t.equal(mapError(error), error, `${name} is mapped to itself`)
  }
})

test('only the names of the table are kinds of failure', async t => {
  for (const name of ['sdk', '', 'constructor', '__proto__', 'toString', 'hasOwnProperty']) t.notOk(isErrorType(name), name)
})

test('the log calls a refusal a complete reply and an upstream\'s failure what it is', async t => {
  t.equal(new GatewayError('invalid_request').ended, 'complete')
  t.equal(new GatewayError('unauthenticated').ended, 'complete')
  t.equal(new GatewayError('internal').ended, 'complete')
  t.equal(new GatewayError('connection').ended, 'upstream_failed')
  t.equal(new GatewayError('timeout').ended, 'timeout')
  t.equal(new GatewayError('idle_timeout').ended, 'idle_timeout')
  t.equal(new GatewayError('connection').retryable, true)
  t.equal(new GatewayError('auth').retryable, false)
  t.equal(new GatewayError('draining').ended, 'drained')
  t.match(new GatewayError('store_unavailable'), { ended: 'store_lost', retryable: true })
  t.match(new GatewayError('producer_lost'), { ended: 'producer_lost', retryable: true })
  t.equal(new ReportedError('sdk', 'x').ended, 'upstream_failed')
})

test('a detail follows the message; status, headers, issues and cause can be given', async t => {
  const cause = new Error('why')
  const error = new GatewayError('draining', { detail: 'soon', headers: { 'X-More': '1' }, status: 599, issues: [{ path: 'a', message: 'b' }], cause })
  t.equal(error.message, 'The gateway is shutting down: soon')
  t.equal(error.status, 599)
  t.strictSame(error.headers, { 'Retry-After': '5', Connection: 'close', 'X-More': '1' })
  t.strictSame(error.issues, [{ path: 'a', message: 'b' }])
  t.equal(error.cause, cause)
  t.equal(new GatewayError('draining', { detail: '' }).message, 'The gateway is shutting down')
})

test('a reported failure has the message of the service and the status of its row, or that of an upstream error', async t => {
  t.match(new ReportedError('sdk', 'it broke'), { errorType: 'sdk', status: 500, message: 'it broke', headers: {} })
  t.match(new ReportedError('spawn', undefined), { errorType: 'spawn', status: 500, message: 'Copilot service returned an error' })
  t.match(new ReportedError('invalid_request', undefined), { status: 400, message: 'Invalid request' })
})

test('a detail that begins as the row does is not said twice', async t => {
  t.equal(describe('rate_limited', 'Copilot is rate limiting: slow down'), 'slow down')
  t.equal(describe('rate_limited', 'Copilot is rate limiting.'), '')
  t.equal(describe('rate_limited', 'slow down'), 'slow down')
  t.equal(describe('rate_limited', undefined), undefined)
})

test('a 4xx of Fastify or a plugin is the client\'s mistake and keeps its status and message', async t => {
  t.match(mapError(Object.assign(new Error('too much'), { statusCode: 413 })), { status: 413, errorType: 'invalid_request', message: 'Invalid request: too much' })
  t.match(mapError(Object.assign(new Error('/etc/x'), { statusCode: 404 })), { status: 404, errorType: 'not_found', message: 'Not found' })
})

test('a file that could not be opened for want of descriptors is a refusal that may be repeated', async t => {
  for (const code of ['EMFILE', 'ENFILE']) t.equal(mapError(Object.assign(new Error('x'), { code })).errorType, 'overloaded')
})

test('anything else is internal and says nothing of itself', async t => {
  const values = [new Error('/secret/path'), Object.assign(new Error('x'), { statusCode: 500 }), Object.assign(new Error('x'), { statusCode: '400' }), Object.assign(new Error('x'), { statusCode: 302 }), 'text', null, undefined, { statusCode: 400 }]
  for (const value of values) {
    const { status, errorType, message, headers } = mapError(value)
    t.strictSame({ status, errorType, message, headers }, { status: 500, errorType: 'internal', message: 'Internal error', headers: {} })
  }
})
