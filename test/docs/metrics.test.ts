import { test } from 'tap'
import { build } from '../helper.ts'
import { scrape } from '../scrape.ts'
import { tableRows } from './tables.ts'

test('docs/metrics.md has every metric of the gateway, with its type and its labels', async t => {
  const { url } = await build(t, { COPILOT_SERVICE_URL: 'http://127.0.0.1:9' })
  // The scrape itself is a request: the next one has every metric with its labels.
  await scrape(url)
  const { text, samples } = await scrape(url)
  const types = [...text.matchAll(/^# TYPE (gateway_\w+) (\w+)$/gm)]
  const labelsOf = (name: string) => samples.find(sample => sample.name === name)?.labels ?? {}

  t.strictSame(
    (await tableRows('docs/metrics.md', 'metric')).map(([name, type, labels]) => [name, type, labels?.replaceAll('`', '')]).toSorted(),
    types.map(([, name = '', type]) => [name, type, Object.keys(labelsOf(name)).join(', ')]).toSorted()
  )
  t.equal(types.length, 13)
})
