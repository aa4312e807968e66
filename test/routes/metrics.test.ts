import { test } from 'tap'
import { build } from '../helper.ts'
import { scrape } from '../scrape.ts'

const nowhere = { COPILOT_SERVICE_URL: 'http://127.0.0.1:9' }
const keys = { ...nowhere, AUTH_MODE: 'api-key', API_KEYS: 'web:caller-key' }

async function status (url: string, authorization?: string): Promise<string> {
  const response = await fetch(`${url}/metrics`, { headers: authorization === undefined ? {} : { authorization } })
  await response.text()
  return `${response.status} ${response.headers.get('x-error-type')}`
}

test('where nobody is asked who they are, the metrics are open', async t => {
  for (const AUTH_MODE of ['', 'none']) {
    const { url } = await build(t, { ...nowhere, AUTH_MODE })
    const response = await fetch(`${url}/metrics`)
    t.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8')
    t.match(await response.text(), /^# HELP gateway_requests_total .*process_cpu_seconds_total \d/s)
  }
})

test('where callers are asked, the metrics are off without a token of their own', async t => {
  const { url } = await build(t, keys)
  t.equal(await status(url), '404 not_found')
  t.equal(await status(url, 'Bearer caller-key'), '404 not_found')
})

test('with a token they need just that, in every mode', async t => {
  for (const environment of [keys, nowhere]) {
    const { url } = await build(t, { ...environment, METRICS_TOKEN: 'scrapes,it=1' })
    for (const wrong of [undefined, 'Bearer', 'Bearer caller-key', 'Bearer scrapes', 'Bearer scrapes,it=11', 'Basic scrapes,it=1']) {
      t.equal(await status(url, wrong), '401 unauthenticated', String(wrong))
    }
    t.match((await fetch(`${url}/metrics`)).headers.get('www-authenticate'), /^Bearer /)
    t.match((await scrape(url, 'scrapes,it=1')).value('gateway_answer_bytes_total'), 0)
  }
})

test('every gateway counts for itself', async t => {
  const [one, other] = [await build(t, nowhere), await build(t, nowhere)]
  await (await fetch(`${one.url}/health`)).text()
  t.match((await scrape(one.url)).counted('gateway_requests_total'), { '/health 200': 1 })
  t.strictSame((await scrape(other.url)).counted('gateway_requests_total'), {})
})
