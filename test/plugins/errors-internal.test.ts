import { test } from 'tap'
import { ask, build } from '../helper.ts'

test('a bug of our own → 500 internal: the log knows it, the client learns nothing of it', async t => {
  const { app, url, log } = await build(t, { COPILOT_SERVICE_URL: 'http://127.0.0.1:9' })
  app.copilot.answer = async () => { throw new TypeError('cannot read /etc/hosts of undefined') }

  const text = await ask(url, undefined, { headers: { 'x-request-id': 'bug.1' } })
  t.equal(text.status, 500)
  t.match(Object.fromEntries(text.headers), { 'content-type': 'text/plain; charset=utf-8', 'x-error-type': 'internal', 'x-request-id': 'bug.1' })
  t.equal(await text.text(), 'Error: Internal error')

  const json = await ask(url, undefined, { headers: { accept: 'application/json', 'x-request-id': 'bug.2' } })
  t.strictSame(await json.json(), { error: 'Internal error', errorType: 'internal', requestId: 'bug.2', retryable: false })

  t.match(await log.line(({ msg }) => msg === 'internal error'), { level: 50, requestId: 'bug.1', err: { message: 'cannot read /etc/hosts of undefined', stack: String } })
  t.match(await log.ended('bug.1'), { status: 500, errorType: 'internal' })
})

test('so it is with anything thrown that is no error', async t => {
  const { app, url } = await build(t, { COPILOT_SERVICE_URL: 'http://127.0.0.1:9' })
  for (const value of ['a string', { statusCode: 400, message: 'spoofed' }, undefined, null]) {
    app.copilot.answer = async () => { throw value }
    const response = await ask(url)
    t.equal(response.status, 500)
    t.equal(await response.text(), 'Error: Internal error')
  }
})
