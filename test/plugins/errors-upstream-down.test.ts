import { once } from 'node:events'
import { createServer } from 'node:net'
import { test } from 'tap'
import { ask, build } from '../helper.ts'

test('an upstream that is not there → 503 connection, and the log says why', async t => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (typeof address !== 'object' || !address) throw new Error('a TCP server has an address')
  const { url, log } = await build(t, { COPILOT_SERVICE_URL: `http://127.0.0.1:${address.port}` })

  const response = await ask(url)

  t.equal(response.status, 503)
  t.equal(response.headers.get('x-error-type'), 'connection')
  t.equal(await response.text(), 'Error: Could not connect to Copilot service')
  t.match(await log.ended(), { level: 40, ended: 'upstream_failed', errorType: 'connection', cause: /ECONNREFUSED/ })
})
