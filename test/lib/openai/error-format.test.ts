import { test } from 'tap'
import { GatewayError } from '../../../lib/errors.ts'
import { toOpenAI } from '../../../lib/openai/error-format.ts'

test('a failure has a type by its status, its own name as a code, and the first rule that was broken', async t => {
  t.strictSame(toOpenAI(new GatewayError('forbidden')), { error: { message: 'Forbidden', type: 'permission_error', code: 'forbidden', param: null } })
  t.strictSame(toOpenAI(new GatewayError('invalid_request', { issues: [{ path: 'n', message: 'is wrong' }, { path: 'x', message: 'as well' }] })),
    { error: { message: 'Invalid request: n: is wrong', type: 'invalid_request_error', code: 'invalid_request', param: 'n' } })
  t.strictSame(toOpenAI(new GatewayError('invalid_request', { issues: [{ path: '', message: 'the body must be JSON' }] })),
    { error: { message: 'Invalid request: the body must be JSON', type: 'invalid_request_error', code: 'invalid_request', param: null } })
})
