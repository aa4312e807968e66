import { once } from 'node:events'
import { test } from 'tap'
import { collector, exportsTo, until } from '../collector.ts'
import { ask, pair, type Script, streams } from '../helper.ts'

const begins: Script = reply => reply.writeHead(200, { 'content-type': 'text/plain' }).write('half an ')

test('a close sends the spans of the last answers, of those that it cuts, too', async t => {
  const sink = await collector(t)
  const { app, url } = await pair(t, { '/chat/stream': begins }, exportsTo(sink, { OTEL_BSP_SCHEDULE_DELAY: '60000' }))
  await ask(url)
  const resumable = await ask(url, { prompt: 'Hello', resumable: true })
  t.strictSame(sink.requests, [])
  await t.rejects(app.close(), /2 answers were cut/)
  await resumable.text().catch(() => {})
  t.equal(sink.spans.length, 6)
  t.strictSame(sink.spans.filter(({ name }) => name === 'chat').map(({ attributes }) => attributes['gateway.ended']), ['drained', 'drained'])
})

test('a collector that is not there costs spans, one line of the log, and nothing else', async t => {
  const sink = await collector(t)
  const environment = exportsTo(sink, { OTEL_EXPORTER_OTLP_TIMEOUT: '100' })
  sink.server.close()
  const { app, url, log } = await pair(t, { '/chat/stream': streams('fine') }, environment)
  for (let i = 0; i < 3; i++) {
    t.equal(await (await ask(url)).text(), 'fine')
    await log.line(({ msg }) => msg.startsWith('spans were lost'))
  }
  await app.close()
  t.match(log.lines.filter(({ level }) => level >= 40), [{ level: 40, spans: Number, error: /ECONNREFUSED/, msg: 'spans were lost: the collector did not take them' }])
})

test('neither does one that refuses them, whatever it says', async t => {
  const sink = await collector(t)
  sink.status = 401
  const { app, url, log } = await pair(t, { '/chat/stream': streams('fine') }, exportsTo(sink))
  await (await ask(url)).text()
  t.match(await log.line(({ level }) => level >= 40), { error: 'Unauthorized' })
  await app.close()
})

test('a collector that does not answer holds the close up for a moment, and no more', async t => {
  const sink = await collector(t)
  sink.status = 0
  const { app, url, log } = await pair(t, { '/chat/stream': streams('fine') }, exportsTo(sink, { OTEL_EXPORTER_OTLP_TIMEOUT: '60000' }))
  await (await ask(url)).text()
  await until(() => sink.requests.length > 0)
  await app.close()
  t.match(log.lines.at(-1), { level: 40, msg: /the last spans may be lost/ })
  // Its retry would keep this process for a while.
  sink.status = 200
  const again = once(sink, 'spans')
  sink.server.closeAllConnections()
  await again
})
