import { test } from 'tap'
import { ask, pair } from '../helper.ts'
import { scrape } from '../scrape.ts'
import { tableRows } from './tables.ts'

test('docs/metrics.md has every metric of the gateway, with its type and its labels', async t => {
  const done = 'event: delta\ndata: {"text":"Hi"}\n\nevent: done\ndata: {"finishReason":"stop","usage":{"inputTokens":1,"outputTokens":2}}\n\n'
  const { url, log } = await pair(t, { '/chat/stream': reply => reply.writeHead(200, { 'content-type': 'text/event-stream' }).end(done) }, { REDIS_URL: 'redis://127.0.0.1:9', METRICS_CALLERS: 'on' })
  // After an answer every metric has its labels.
  await (await ask(url)).text()
  await log.ended()
  const { text, samples } = await scrape(url)
  const types = [...text.matchAll(/^# TYPE ((?:gateway|gen_ai)_\w+) (\w+)$/gm)]
  const labelsOf = (name: string) => samples.find(sample => sample.name === name || sample.name === `${name}_sum`)?.labels ?? {}

  t.strictSame(
    (await tableRows('docs/metrics.md', 'metric')).map(([name, type, labels]) => [name, type, labels?.replaceAll('`', '')]).toSorted(),
    types.map(([, name = '', type]) => [name, type, Object.keys(labelsOf(name)).join(', ')]).toSorted()
  )
  t.equal(types.length, 20)
})
