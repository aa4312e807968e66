import { Writable } from 'node:stream'
import Fastify from 'fastify'
import { test } from 'tap'
import { loggerOptions } from '../../lib/logger-options.ts'

/** Logs an object through the pino that Fastify makes of the options and returns the line. */
function logged (value: object): string {
  let line = ''
  const stream = new Writable({ write (chunk, _encoding, done) { line += String(chunk); done() } })
  Fastify({ logger: { ...loggerOptions('info', false), stream } }).log.info(value)
  return line
}

test('credentials are redacted, wherever in an object they stand', async t => {
  for (const name of ['authorization', 'cookie', 'set-cookie', 'x-api-key', 'proxy-authorization', 'token', 'apiKey', 'password', 'secret']) {
    const secrets = { [name]: 'hush-hush' }
    for (const value of [secrets, { headers: secrets }, { call: secrets }, { call: { headers: secrets } }, { a: { b: secrets } }]) {
      const line = logged(value)
      t.notMatch(line, /hush-hush/, JSON.stringify(value))
      t.match(line, /\[redacted\]/)
    }
  }
})

test('the rest is logged as it is', async t => {
  t.match(JSON.parse(logged({ caller: 'me', headers: { accept: '*/*' } })), { caller: 'me', headers: { accept: '*/*' } })
})

test('a level that pino does not know becomes info', async t => {
  t.equal(loggerOptions('debug', false).level, 'debug')
  t.equal(loggerOptions('silent', false).level, 'silent')
  t.equal(loggerOptions('loud', false).level, 'info')
  t.equal(loggerOptions('', false).level, 'info')
  t.equal(loggerOptions(undefined, false).level, 'info')
})

test('lines are for people on a terminal and JSON anywhere else', async t => {
  t.match(loggerOptions('info', true), { transport: { target: 'pino-pretty' } })
  t.notMatch(loggerOptions('info', false), { transport: {} })
})
