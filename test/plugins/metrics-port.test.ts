import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { test } from 'tap'
import { Client } from 'undici'
import { ask, build, type Log, pair } from '../helper.ts'
import { scrape } from '../scrape.ts'

const nowhere = { COPILOT_SERVICE_URL: 'http://127.0.0.1:9' }

/** Where a gateway with `METRICS_PORT` serves its metrics, as its log says. */
async function metricsUrl (log: Log): Promise<string> {
  return String((await log.line(({ msg }) => msg === 'metrics are served')).url).replace('/metrics', '')
}

test('the metrics are there and nothing else is, and on the main port they are not', async t => {
  const { url, log } = await build(t, { ...nowhere, METRICS_PORT: '0', AUTH_MODE: 'api-key', API_KEYS: 'web:key' })
  const metrics = await metricsUrl(log)
  t.equal((await scrape(metrics)).value('gateway_answers_in_flight'), 0)
  t.equal((await fetch(`${metrics}/health`)).headers.get('x-error-type'), 'not_found')
  t.equal((await fetch(`${url}/metrics`)).headers.get('x-error-type'), 'not_found')
  t.match((await scrape(metrics)).counted('gateway_requests_total'), { 'unknown 404': 1 }, 'scrapes of it are no requests of the gateway')
})

test('METRICS_TOKEN is asked for there, too', async t => {
  const { log } = await build(t, { ...nowhere, METRICS_PORT: '0', METRICS_TOKEN: 'scrapes' })
  const metrics = await metricsUrl(log)
  t.equal((await fetch(`${metrics}/metrics`)).headers.get('x-error-type'), 'unauthenticated')
  await t.resolves(scrape(metrics, 'scrapes'))
})

test('a drain can be watched to its end, and no scraper holds it up', async t => {
  const replies: ServerResponse[] = []
  const { app, url, log } = await pair(t, {
    '/chat/stream': reply => { replies.push(reply.writeHead(200, { 'content-type': 'text/plain' })); reply.write('begun') }
  }, { METRICS_PORT: '0', DRAIN_TIMEOUT_MS: '30000' })
  const metrics = await metricsUrl(log)
  const scraper = new Client(metrics)
  t.teardown(() => scraper.close())
  const response = await ask(url)
  const closed = app.close()
  while (app.server.listening) await new Promise(resolve => setImmediate(resolve))

  t.equal((await scrape(metrics)).value('gateway_answers_in_flight'), 1)
  const { body } = await scraper.request({ method: 'GET', path: '/metrics' })
  await body.text()
  replies[0]?.end()
  await response.text()
  await closed
  await t.rejects(scrape(metrics), 'it is closed')
})

test('a port that cannot be is refused at start', async t => {
  const refused = (environment: Record<string, string>) => build(t, { ...nowhere, ...environment })
  await t.rejects(refused({ METRICS_PORT: '65536' }), { name: 'StartError', message: /^METRICS_PORT must be <= 65535 \(0 to 65535\), not "65536"$/ })
  await t.rejects(refused({ METRICS_PORT: 'x' }), { name: 'StartError', message: /^METRICS_PORT must be a port, / })
  await t.rejects(refused({ METRICS_PORT: '3000' }), { name: 'StartError', message: /^METRICS_PORT must be another port than PORT/ })
  await t.rejects(refused({ METRICS_PORT: '0', HOST: '0.0.0.0' }), { name: 'StartError', message: /^AUTH_MODE must be none, api-key or jwt to listen on 0\.0\.0\.0/ })

  const taken = createServer().listen(0, '127.0.0.1')
  t.teardown(() => taken.close())
  await once(taken, 'listening')
  // A listening TCP server has an address with a port.
  await t.rejects(refused({ METRICS_PORT: String((taken.address() as AddressInfo).port) }), { code: 'EADDRINUSE', message: /choose another port by METRICS_PORT$/ })
})
