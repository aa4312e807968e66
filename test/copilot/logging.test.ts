import { test } from 'tap'
import { loggerOptions } from '../../copilot/logging.ts'

test('logs are pretty on a terminal and JSON elsewhere', async t => {
  t.match(loggerOptions('debug', true), { level: 'debug', transport: { target: 'pino-pretty' } })
  t.same(loggerOptions('info', false), { level: 'info' })
})
