import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import Fastify from 'fastify'
import { type Test, test } from 'tap'
import type { CopilotServiceOptions } from '../../copilot/app.ts'
import { CopilotError } from '../../copilot/copilot-error.ts'
import { deferred, requestLines, pieces, post, readUntil, scriptedEngine, service } from './helper.ts'

/** A service that logs to the test: `line` gives the next line about a request. */
async function logged (t: Test, engine: CopilotServiceOptions['engine']) {
  const stream = new PassThrough()
  const { url } = await service(t, { engine, logger: { level: 'debug', stream } })
  return { url, line: requestLines(stream) }
}

test('a sane request id is taken over, logged and echoed', async t => {
  const { url, line } = await logged(t, scriptedEngine(async function * () { yield 'Hello' }))
  const response = await post(`${url}/chat/stream?token=secret`, { prompt: 'A secret prompt' }, { headers: { 'x-request-id': 'Id-1_a.b', authorization: 'Bearer secret' } })
  t.equal(response.headers.get('x-request-id'), 'Id-1_a.b')
  t.equal(await response.text(), 'Hello')
  const entry = await line()
  t.match(entry, { requestId: 'Id-1_a.b', method: 'POST', path: '/chat/stream', status: 200, ended: 'complete', durationMs: Number, msg: 'request ended' })
  t.notMatch(JSON.stringify(entry), 'secret')
})

test('for a caller that logs its requests itself, only the causes of failures are written', async t => {
  const stream = new PassThrough()
  const lines: Array<Record<string, unknown>> = []
  stream.on('data', chunk => lines.push(JSON.parse(String(chunk))))
  const failures = [undefined, new CopilotError('sdk', 'no cause'), new CopilotError('sdk', 'it broke', { cause: new Error('a cable') }), new Error('a bug')]
  const { url, app } = await service(t, {
    engine: scriptedEngine(async function * () {
      const failure = failures.shift()
      if (failure) throw failure
      yield 'Hello'
    }),
    logger: { level: 'warn', stream },
    failuresOnly: true
  })
  while (failures.length > 0) await (await post(`${url}/chat`, { prompt: 'Hi' })).text()
  await app.close()
  t.match(lines, [
    { level: 40, errorType: 'sdk', error: 'it broke', cause: 'Error: a cable', msg: 'the companion Copilot service failed' },
    { level: 40, err: { message: 'a bug' }, msg: 'the companion Copilot service failed' }
  ])
  t.equal(lines.length, 2)
})

test('any other request id is replaced', async t => {
  const { url } = await logged(t, undefined)
  for (const id of ['', 'two words', 'x'.repeat(129), '<b>']) {
    const response = await fetch(`${url}/health`, { headers: { 'x-request-id': id } })
    t.match(response.headers.get('x-request-id'), /^[0-9a-f-]{36}$/, id)
  }
  t.match((await fetch(`${url}/nothing`)).headers.get('x-request-id'), /^[0-9a-f-]{36}$/)
})

test('the line tells that an answer broke off, and why', async t => {
  const fail = deferred<void>()
  const { url, line } = await logged(t, scriptedEngine(async function * () {
    yield 'half'
    await fail.promise
    throw new CopilotError('sdk', 'the model went away', { cause: new Error('a cable\nwas cut') })
  }))
  const answer = pieces(await post(`${url}/chat/stream`, { prompt: 'Hi' }))
  await readUntil(answer, 'half')
  fail.resolve()
  await t.rejects(answer.next())
  t.match(await line(), { level: 40, status: 200, ended: 'failed', errorType: 'sdk', error: 'the model went away', cause: 'Error: a cable was cut' })
})

test('the line tells that the caller left', async t => {
  const asked = deferred<void>()
  const { url, line } = await logged(t, scriptedEngine(async function * (_request, { signal }) {
    asked.resolve()
    await once(signal, 'abort')
  }))
  const caller = new AbortController()
  const response = post(`${url}/chat/stream`, { prompt: 'Hi' }, { signal: caller.signal })
  await asked.promise
  const left = t.rejects(response)
  caller.abort()
  await left
  const entry = await line()
  t.match(entry, { level: 30, ended: 'cut' })
  t.notOk('status' in entry, 'nothing was answered')
})

test('a refused body is not quoted', async t => {
  const { url, line } = await logged(t, undefined)
  const response = await fetch(`${url}/chat`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: 'my secret prompt' })
  await response.text()
  const entry = await line()
  t.match(entry, { status: 400, ended: 'complete', errorType: 'invalid_request', error: 'Invalid request' })
  t.notMatch(JSON.stringify(entry), 'secret')
})

test('a bug is logged with its stack', async t => {
  const { url, line } = await logged(t, scriptedEngine(() => { throw new TypeError('a bug') }))
  await (await post(`${url}/chat`, { prompt: 'Hi' })).text()
  t.match(await line(), { status: 500, err: { type: 'TypeError', stack: /request-log\.test/ } })
})

test('an embedding application’s logger can be used', async t => {
  const stream = new PassThrough()
  const { url } = await service(t, { loggerInstance: Fastify({ logger: { level: 'debug', base: { of: 'gateway' }, stream } }).log })
  await (await fetch(`${url}/health`)).text()
  t.match(await requestLines(stream)(), { of: 'gateway', level: 20, path: '/health' })
})
