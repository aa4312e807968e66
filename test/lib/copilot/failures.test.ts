import { test } from 'tap'
import { errors } from 'undici'
import { fromReply, fromTransport, isUnsent } from '../../../lib/copilot/failures.ts'
import { retryAfter } from '../../../lib/copilot/retry-after.ts'
import { GatewayError } from '../../../lib/errors.ts'

const failed = (code: string): Error => Object.assign(new Error(`it says ${code}`), { code })

test('only a connection that was never made proves that nothing was sent', async t => {
  for (const code of ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT']) t.ok(isUnsent(failed(code)), code)
  for (const error of [failed('ECONNRESET'), failed('EPIPE'), failed('UND_ERR_SOCKET'), failed('ETIMEDOUT'), new Error('x'), 'ECONNREFUSED', undefined]) t.notOk(isUnsent(error))
  t.notOk(isUnsent(Object.assign(new Error('x'), { code: 1 })))
})

test('what breaks on the way has its name', async t => {
  const names: Record<string, string> = {
    ECONNREFUSED: 'connection',
    EMFILE: 'overloaded',
    EADDRNOTAVAIL: 'overloaded',
    ECONNRESET: 'connection',
    UND_ERR_SOCKET: 'connection',
    UND_ERR_CONNECT_TIMEOUT: 'timeout',
    UND_ERR_HEADERS_TIMEOUT: 'timeout',
    UND_ERR_BODY_TIMEOUT: 'idle_timeout',
    UND_ERR_HEADERS_OVERFLOW: 'bad_reply'
  }
  for (const [code, errorType] of Object.entries(names)) {
    const error = failed(code)
    t.match(fromTransport(error), { errorType, cause: error }, code)
  }
  t.equal(fromTransport(new errors.HTTPParserError('no HTTP')).errorType, 'bad_reply')
  t.equal(fromTransport('odd').errorType, 'connection')
})

test('a reason to abort stays itself', async t => {
  const reason = new GatewayError('draining')
  t.equal(fromTransport(reason), reason)
})

function reported (status: number, body: unknown, headers = {}) {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const { errorType, status: answered, message, headers: passedOn } = fromReply({ status, headers, text }, ['hidden-token'])
  return { errorType, status: answered, message, headers: passedOn }
}

test('kinds that the gateway knows are in its words, the service\'s behind them', async t => {
  t.strictSame(reported(500, { error: 'no token', errorType: 'token_missing' }), { errorType: 'token_missing', status: 503, message: 'GitHub Copilot is not configured: no token', headers: {} })
  t.strictSame(reported(401, { error: 'expired', errorType: 'auth' }), { errorType: 'auth', status: 401, message: 'GitHub Copilot authentication failed: expired', headers: {} })
  t.match(reported(500, { error: 'x', errorType: 'connection' }), { errorType: 'connection', status: 503 })
  t.match(reported(500, { error: 'x', errorType: 'timeout' }), { errorType: 'timeout', status: 504 })
  t.match(reported(500, { error: 'x', errorType: 'max_duration' }), { errorType: 'max_duration', status: 504, message: 'The answer took longer than an answer may: x' })
  t.match(reported(503, { error: 'GitHub Copilot is not configured: set a token', errorType: 'token_missing' }), { message: 'GitHub Copilot is not configured: set a token' })
})

test('a date to wait for is one of GMT, in each of its forms and wherever the gateway is', async t => {
  const { TZ } = process.env
  t.teardown(() => { process.env.TZ = TZ ?? '' })
  const now = Date.parse('Sun, 06 Nov 1994 08:49:17 GMT')
  for (const zone of ['America/New_York', 'Asia/Tokyo', 'UTC']) {
    process.env.TZ = zone
    for (const date of ['Sun, 06 Nov 1994 08:49:37 GMT', 'Sunday, 06-Nov-94 08:49:37 GMT', 'Sun Nov  6 08:49:37 1994']) t.equal(retryAfter(date, now), 20, `${date} in ${zone}`)
  }
})

test('a limit is a limit by its status or by its name, and its Retry-After is passed on when it is sane', async t => {
  t.strictSame(reported(429, 'slow down', { 'retry-after': '7' }), { errorType: 'rate_limited', status: 429, message: 'Copilot is rate limiting', headers: { 'Retry-After': '7' } })
  t.match(reported(429, { error: 'enough', errorType: 'sdk' }), { errorType: 'rate_limited', message: 'Copilot is rate limiting: enough', headers: {} })
  t.match(reported(500, { error: 'x', errorType: 'rate_limited' }), { errorType: 'rate_limited', status: 429 })
  t.strictSame(reported(429, '', { 'retry-after': 'Wed, 21 Oct 2020 07:28:00 GMT' }).headers, { 'Retry-After': '0' })
  t.strictSame(reported(429, '', { 'retry-after': '1.5' }).headers, { 'Retry-After': '2' })
  t.strictSame(reported(429, '', { 'retry-after': '7, 9' }).headers, { 'Retry-After': '7' })
  t.strictSame(reported(429, '', { 'retry-after': 'x'.repeat(65) }).headers, {})
  t.strictSame(reported(429, '', { 'retry-after': ['1', '2'] }).headers, { 'Retry-After': '1' })
})

test('a service that has too much to do is told to the client as such, and when to come back', async t => {
  for (const [status, headers, wait] of [[503, { 'retry-after': '7' }, '7'], [529, { 'retry-after': '7' }, '7'], [529, {}, '5']] as const) {
    for (const body of ['', { error: 'busy' }, '<h1>Service Unavailable</h1>']) t.strictSame(reported(status, body, headers), { errorType: 'overloaded', status: 503, message: 'Copilot service has too much to do', headers: { 'Retry-After': wait } }, `${status} without a name`)
    t.match(fromReply({ status, headers, text: '' }, [], 'http://service'), { source: { url: 'http://service', unprocessed: false, refused: false, failing: true } }, 'nobody knows whether it was processed')
  }
  t.match(reported(503, '', { 'retry-after': 'soon' }), { errorType: 'upstream' })
  t.match(reported(503, { error: 'x', errorType: 'sdk' }, { 'retry-after': '7' }), { errorType: 'sdk' })
  for (const [status, errorType] of [[503, 'overloaded'], [503, 'draining'], [429, 'too_many_streams']] as const) {
    t.strictSame(reported(status, { error: 'busy', errorType }, { 'retry-after': '2.2' }), { errorType: 'overloaded', status: 503, message: 'Copilot service has too much to do', headers: { 'Retry-After': '3' } })
    t.match(reported(status, { errorType }).headers, { 'Retry-After': '5' })
  }
})

test('a redirect says where to, by its host alone', async t => {
  const { message } = fromReply({ status: 307, headers: { location: 'https://user:secret@login.example.com:8443/a?token=1' }, text: '' }, [])
  t.equal(message, 'Copilot service returned an error: it redirects to login.example.com:8443, and redirects are not followed')
  t.match(fromReply({ status: 302, headers: { location: '/b' }, text: '' }, [], 'http://service:1/x').message, /redirects to service:1,/)
  t.equal(fromReply({ status: 302, headers: { location: `http://${'a'.repeat(5_000)}.example` }, text: '' }, []).message.length, 343)
  for (const location of [undefined, 'http://', '/b']) t.match(fromReply({ status: 302, headers: location === undefined ? {} : { location }, text: '' }, []).message, /it redirects, and/)
})

test('a certificate, TLS or a proxy that stands in the way is named', async t => {
  const message = (error: Error) => fromTransport(error, false).message
  for (const code of ['DEPTH_ZERO_SELF_SIGNED_CERT', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'CERT_HAS_EXPIRED', 'ERR_TLS_CERT_ALTNAME_INVALID', 'UND_ERR_PRX_TLS']) {
    t.equal(message(failed(code)), `Could not connect to Copilot service: its certificate was refused (${code})`)
  }
  t.equal(message(failed('ERR_SSL_WRONG_VERSION_NUMBER')), 'Could not connect to Copilot service: it does not speak TLS as it should')
  t.equal(message(new Error('Proxy response (403) !== 200 when HTTP Tunneling')), 'Could not connect to Copilot service: the proxy refused to (status 403)')
  t.equal(message(failed('ECONNREFUSED')), 'Could not connect to Copilot service')
})

test('what was written is lost, and not unconnected', async t => {
  t.equal(fromTransport(failed('ECONNRESET')).message, 'The connection to Copilot service was lost')
})

test('replies that nobody asked for are named', async t => {
  t.match(fromTransport(new errors.SocketError('bad response')), { errorType: 'bad_reply', message: /100 Continue/ })
  t.match(fromTransport(new errors.SocketError('bad upgrade')), { errorType: 'bad_reply', message: /another protocol/ })
})

test('services that speak like OpenAI\'s are understood', async t => {
  t.match(reported(500, { error: { message: 'no such thing' } }), { message: 'no such thing' })
})

test('a bad request is one by its status or by its name, in the service\'s words', async t => {
  for (const status of [400, 413, 422]) t.strictSame(reported(status, { error: 'no such model', errorType: 'sdk' }), { errorType: 'invalid_request', status: 400, message: 'no such model', headers: {} })
  t.match(reported(500, { error: 'odd', errorType: 'invalid_request' }), { errorType: 'invalid_request', status: 400, message: 'odd' })
  t.match(reported(400, '<html>'), { errorType: 'invalid_request', message: 'Invalid request' })
})

test('other kinds are passed on by their name, when it is one', async t => {
  for (const name of ['sdk', 'spawn', 'unknown', 'a_2']) t.match(reported(502, { error: 'it broke', errorType: name }), { errorType: name, status: 500, message: 'it broke' })
  for (const name of ['', 'Sdk', 'x y', 'x\r\nset-cookie: a=b', 'x'.repeat(41), '__proto__', 7, null, undefined]) t.match(reported(503, { error: 'it broke', errorType: name }), { errorType: 'upstream', status: 500, message: 'it broke' }, String(name))
})

test('kinds that only the gateway can mean are not believed', async t => {
  for (const name of ['internal', 'not_found', 'unauthenticated', 'auth_unavailable', 'upstream']) t.match(reported(500, { error: 'x', errorType: name }), { errorType: 'upstream', status: 500, message: 'x' }, name)
})

test('a service that does not know the gateway has not refused Copilot\'s token', async t => {
  t.match(reported(401, { error: 'Authentication required', errorType: 'unauthenticated' }), { errorType: 'upstream', status: 500, message: 'Copilot service returned an error: it does not know this gateway' })
})

test('a refusal without a name is one of the token', async t => {
  t.match(reported(401, 'Unauthorized'), { errorType: 'auth', status: 401, message: 'GitHub Copilot authentication failed' })
  t.match(reported(403, { error: 'not you' }), { errorType: 'auth', message: 'GitHub Copilot authentication failed: not you' })
})

test('a body that says nothing leaves the row\'s words', async t => {
  for (const body of ['', '<html>oops</html>', 'null', '"text"', '[]', '7', '{}', '{"error":7}', '{"error":""}', '{"error":"  "}', '{"error":']) {
    t.strictSame(reported(500, body), { errorType: 'upstream', status: 500, message: 'Copilot service returned an error', headers: {} }, body)
  }
})

test('a message is one line of at most 500 characters without secrets', async t => {
  const { message } = reported(500, { error: `a\nb hidden-token ghp_0123456789abcdefABCD ${'x'.repeat(600)}` })
  t.ok(message.startsWith('a b [redacted] [redacted] x'))
  t.equal(message.length, 500)
})
