import { test } from 'tap'
import { StartError } from '../../lib/start-error.ts'

test('a reason not to start is one line, its stack included', async t => {
  const error = new StartError('PORT must be a number')
  t.equal(error.message, 'PORT must be a number')
  t.equal(error.stack, 'StartError: PORT must be a number')
  t.ok(error instanceof Error)
})
