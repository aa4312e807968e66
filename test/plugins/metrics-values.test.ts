import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { test } from 'tap'
import { Client } from 'undici'
import { ask, build, pair, rawAsk, streams } from '../helper.ts'
import { Scrape, scrape } from '../scrape.ts'

test('what is in flight is seen while it is, and the connections to the service with it', async t => {
  const replies: ServerResponse[] = []
  const { url, log } = await pair(t, { '/chat/stream': reply => { replies.push(reply.writeHead(200, { 'content-type': 'text/plain' })); reply.write('begun') } })
  const idle = await scrape(url)
  t.equal(idle.value('gateway_answers_in_flight'), 0)
  t.strictSame(idle.counted('gateway_upstream_sockets'), {})

  const responses = [await ask(url), await ask(url)]
  const busy = await scrape(url)
  t.equal(busy.value('gateway_answers_in_flight'), 2)
  t.strictSame(busy.counted('gateway_upstream_sockets'), { running: 2 })
  t.strictSame(busy.counted('gateway_answers_total'), {}, 'nothing is counted before it is over')

  for (const reply of replies) reply.end()
  for (const response of responses) await response.text()
  await log.ended()
  t.equal((await scrape(url)).counted('gateway_upstream_sockets').running, undefined)
})

test('bytes are those that were written for answers, and each is counted once', async t => {
  const { url, log } = await pair(t, { '/chat/stream': streams('x'.repeat(100_000)) })
  const connection = new Client(url)
  t.teardown(() => connection.close())
  await (await connection.request({ method: 'GET', path: '/docs/json' })).body.text()
  for (const id of ['one', 'two']) {
    const { body } = await connection.request({ method: 'POST', path: '/api/chat', headers: { 'content-type': 'application/json', 'x-request-id': id }, body: '{"prompt":"Hi"}' })
    await body.text()
    await log.ended(id)
  }
  const bytes = Number((await scrape(url)).value('gateway_answer_bytes_total'))
  t.ok(bytes > 200_000 && bytes < 203_000, String(bytes))
})

test('bytes are counted, too, when what comes behind a heartbeat is a failure, and not for a refusal', async t => {
  let fail = (): void => {}
  const { url, log } = await pair(t, {
    '/chat/stream': async (reply, { json: { prompt } }) => {
      if (prompt === 'late') await new Promise<void>(resolve => { fail = resolve })
      reply.writeHead(500).end()
    }
  }, { SSE_HEARTBEAT_MS: '50' })
  await (await ask(url, { prompt: 'refused' }, { headers: { 'x-request-id': 'refused' } })).text()
  await log.ended('refused')
  t.equal((await scrape(url)).value('gateway_answer_bytes_total'), 0)
  const response = await ask(url, { prompt: 'late' }, { headers: { accept: 'text/event-stream', 'x-request-id': 'late' } })
  t.equal(response.status, 200)
  fail()
  await response.text()
  const { bytes } = await log.ended('late')
  t.ok(Number(bytes) > 0)
  t.equal((await scrape(url)).value('gateway_answer_bytes_total'), bytes)
})

test('times are seconds', async t => {
  const { url, log } = await pair(t, { '/chat/stream': streams('quick') })
  await (await ask(url)).text()
  const { firstByteMs, durationMs } = await log.ended()
  const seen = await scrape(url)
  t.ok(Math.abs(Number(seen.value('gateway_first_byte_seconds_sum')) * 1000 - Number(firstByteMs)) < 1)
  t.ok(Math.abs(Number(seen.value('gateway_answer_seconds_sum')) * 1000 - Number(durationMs)) < 5)
})

test('who leaves before the first byte is counted with the time waited, whoever else is not', async t => {
  const { url, service, log } = await pair(t, { '/chat/stream': () => {} }, { SSE_HEARTBEAT_MS: '50' })
  const readers = [{ prompt: 'text' }, { prompt: 'recorded', resumable: true }].map(async body => {
    const leaving = new AbortController()
    const asked = ask(url, body, { headers: { 'x-request-id': body.prompt }, signal: leaving.signal })
    await service.request(1)
    leaving.abort()
    await asked.catch(() => {})
    await log.ended(body.prompt)
  })
  await Promise.all(readers)
  const events = await ask(url, { prompt: 'Hi' }, { headers: { accept: 'text/event-stream', 'x-request-id': 'events' } })
  await events.body?.cancel()
  const { durationMs } = await log.ended('events')
  service.scripts['/chat/stream'] = streams('quick')
  await (await ask(url, { prompt: 'Hi' }, { headers: { 'x-request-id': 'whole' } })).text()
  await log.ended('whole')

  const seen = await scrape(url)
  t.equal(seen.value('gateway_left_before_first_byte_seconds_count'), 3)
  t.ok(Number(seen.value('gateway_left_before_first_byte_seconds_sum')) * 1000 >= Number(durationMs) - 1)
})

test('the limits in force are gauges', async t => {
  const { url } = await build(t, { COPILOT_SERVICE_URL: 'http://127.0.0.1:9', MAX_STREAMS: '7', RATE_LIMIT_MAX: '5' })
  t.strictSame((await scrape(url)).counted('gateway_limit'), { MAX_STREAMS: 7, MAX_STREAMS_PER_CALLER: 10, RATE_LIMIT_MAX: 5, RESUME_MAX_BYTES: 67108864 })
})

test('every counter that can be at zero is there from the start', async t => {
  const { url } = await pair(t, {})
  const names = ['gateway_answers_total', 'gateway_fallbacks_total', 'gateway_upstream_errors_total', 'gateway_refused_total']
  const { samples } = await scrape(url)
  t.strictSame(names.map(name => samples.filter(sample => sample.name === name && sample.value === 0).length > 2), [true, true, true, true])
})

test('a drain: what was asked for is cut, what comes is refused', async t => {
  const { app, url, port, service, log } = await pair(t, {
    '/chat/stream': reply => reply.writeHead(200, { 'content-type': 'text/plain' }).write('begun')
  }, { DRAIN_TIMEOUT_MS: '100' })
  const resumable = await ask(url, { prompt: 'Hello', resumable: true }, { headers: { 'x-request-id': 'resumable' } })
  const socket = await rawAsk(port)
  await once(socket, 'readable')
  await service.request(1)
  const closed = app.close().catch(() => {})
  while (app.server.listening) await new Promise(resolve => setImmediate(resolve))
  socket.write('GET /api/models HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await resumable.text().catch(() => {})
  await closed
  await log.line(({ msg, requestId }) => msg === 'resumable answer ended' && requestId === 'resumable')

  const seen = new Scrape(await app.metrics.text())
  t.strictSame(seen.counted('gateway_answers_total'), { 'stream text drained': 2 })
  t.strictSame(seen.counted('gateway_refused_total'), { draining: 1 })
  t.strictSame(seen.counted('gateway_upstream_errors_total'), {})
})

test('gateway_build_info says what the first line of the log says', async t => {
  const { url, log } = await build(t, { COPILOT_SERVICE_URL: 'http://me:s3cret@127.0.0.1:9/base', MAX_STREAMS: '7' })
  const { version, node, auth, services, store, host, port } = await log.line(({ msg }) => / starts$/.test(String(msg)))
  const info = (await scrape(url)).samples.filter(({ name }) => name === 'gateway_build_info')
  t.strictSame(info.map(({ value }) => value), [1])
  t.match(info[0]?.labels, { version, node, auth, services: String(services), store, host, port: String(port), max_streams: '7', max_streams_per_caller: '10', rate_limit_max: '60', rate_limit_window_ms: '60000' })
  t.equal(info[0]?.labels.services, 'http://127.0.0.1:9/base')
})
