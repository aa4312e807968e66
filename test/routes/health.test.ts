import { test } from 'tap'
import { ask, build, pair, streams } from '../helper.ts'
import pkg from '../../package.json' with { type: 'json' }

const nowhere = { COPILOT_SERVICE_URL: 'http://127.0.0.1:9' }

test('GET /health says what runs and since when', async t => {
  const { url } = await build(t, nowhere)
  const response = await fetch(`${url}/health`)
  t.equal(response.status, 200)
  const { uptime, ...rest } = await response.json() as { uptime: number }
  t.strictSame(rest, { ok: true, service: 'gateway', version: pkg.version })
  t.ok(Number.isInteger(uptime) && uptime >= 0)
})

test('GET /health/live is 200 while the process runs', async t => {
  const { url } = await build(t, nowhere)
  const response = await fetch(`${url}/health/live`)
  t.equal(response.status, 200)
  t.strictSame(await response.json(), { ok: true })
})

test('GET /health/ready tells what is known of the upstream and does not fail for it', async t => {
  const { url, service } = await pair(t, { '/chat/stream': streams('fine') })
  const ready = async () => {
    const response = await fetch(`${url}/health/ready`)
    t.equal(response.status, 200)
    return await response.json()
  }
  t.strictSame(await ready(), { ready: true, phase: 'serving', inFlight: 0, upstream: { state: 'unknown' }, upstreams: [{ url: service.url, state: 'unknown', inFlight: 0 }] })

  await (await ask(url)).text()
  t.match(await ready(), { upstream: { state: 'up', since: /^\d{4}-/ }, upstreams: [{ state: 'up', since: /^\d{4}-/, inFlight: 0 }] })
})

test('GET /health/ready counts the answers in flight, and not itself', async t => {
  const { url, service } = await pair(t, { '/chat/stream': reply => reply.writeHead(200, { 'content-type': 'text/plain' }).write('first') })
  const client = new AbortController()
  await ask(url, undefined, { signal: client.signal })
  await service.request()
  t.match(await (await fetch(`${url}/health/ready`)).json(), { inFlight: 1 })
  client.abort()
})

test('an upstream that is down is told, with the kind of failure', async t => {
  const { url } = await pair(t, { '/chat/stream': reply => reply.destroy() })
  t.equal((await ask(url)).status, 503)
  const response = await fetch(`${url}/health/ready`)
  t.equal(response.status, 200)
  t.match(await response.json(), { ready: true, upstream: { state: 'down', errorType: 'connection', since: /^\d{4}-/ } })
})

test('GET /health/ready is 503 from the first moment of a drain, and live stays 200', async t => {
  // Long enough for a slow machine; the test waits for its end.
  const { app, url } = await build(t, { ...nowhere, DRAIN_DELAY_MS: '2000' })
  const closed = app.close()
  while (app.lifecycle.phase !== 'draining') await new Promise(resolve => setImmediate(resolve))
  const [ready, live] = await Promise.all([fetch(`${url}/health/ready`), fetch(`${url}/health/live`)])
  t.equal(ready.status, 503)
  t.match(await ready.json(), { ready: false, phase: 'draining' })
  t.equal(live.status, 200)
  await live.text()
  await closed
})
