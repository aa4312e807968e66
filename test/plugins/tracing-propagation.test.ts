import { hasSubscribers } from 'node:diagnostics_channel'
import { createRequire } from 'node:module'
import { test } from 'tap'
import { collector, exportsTo, until } from '../collector.ts'
import { ask, pair, streams, type UpstreamRequest } from '../helper.ts'

const traceId = '0af7651916cd43dd8448eb211c80319c'
const traceparent = `00-${traceId}-b7ad6b7169203331-01`
const scripts = { '/chat/stream': streams('fine') }

/** What the Copilot service gets as `traceparent`, each header for itself. */
function traceparents ({ raw: { rawHeaders } }: UpstreamRequest): string[] {
  return rawHeaders.filter((_value, index) => rawHeaders[index - 1]?.toLowerCase() === 'traceparent')
}

/** The packages of OpenTelemetry that this process has loaded; its interface comes with the client of Prometheus. */
function loaded (): string[] {
  const { cache } = createRequire(import.meta.url)
  return Object.keys(cache).filter(path => /node_modules\/(@opentelemetry\/(?!api\/).+|@fastify\/otel|import-in-the-middle|require-in-the-middle)\//.test(path))
}

test('without a collector nothing of OpenTelemetry is loaded, and trace context is passed on as it came', async t => {
  const { url, service, log } = await pair(t, scripts)
  await (await ask(url, undefined, { headers: { traceparent, tracestate: 'a=1' } })).text()
  const request = await service.request()
  t.strictSame(traceparents(request), [traceparent])
  t.equal(request.headers.tracestate, 'a=1')
  t.notOk('traceId' in await log.ended())
  t.strictSame(loaded(), [])
})

test('with one, the spans are within the trace that the request is a part of, and the service is told the last of them', async t => {
  const sink = await collector(t)
  const { url, service, log } = await pair(t, scripts, exportsTo(sink))
  await (await ask(url, undefined, { headers: { traceparent, tracestate: 'a=1' } })).text()
  const request = await service.request()
  const server = await sink.span(({ kind }) => kind === 'server')
  const call = await sink.span(({ name }) => name === 'POST')
  t.match(server, { traceId, parentSpanId: 'b7ad6b7169203331' })
  t.strictSame(traceparents(request), [`00-${traceId}-${call.spanId}-01`])
  t.equal(request.headers.tracestate, 'a=1')
  t.equal((await log.ended()).traceId, traceId)
  t.ok(loaded().length > 0, 'what the test before has looked for can be found')
})

test('a trace that its beginning does not record is not exported, and goes on', async t => {
  const sink = await collector(t)
  const { url, service } = await pair(t, scripts, exportsTo(sink))
  await (await ask(url, undefined, { headers: { traceparent: traceparent.replace(/01$/, '00') } })).text()
  await (await ask(url)).text()
  const own = await sink.span(({ kind }) => kind === 'server')
  t.not(own.traceId, traceId)
  t.equal(sink.spans.find(span => span.traceId === traceId), undefined)
  t.match(traceparents(await service.request()), [new RegExp(`^00-${traceId}-(?!b7ad6b7169203331)[0-9a-f]{16}-00$`)])
})

test('the variables of the SDK count, wherever the environment is from', async t => {
  const sink = await collector(t)
  const { url, log } = await pair(t, scripts, exportsTo(sink, {
    OTEL_EXPORTER_OTLP_ENDPOINT: `${sink.url}/prefix/`,
    OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20collector-key',
    OTEL_SERVICE_NAME: 'chat',
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test,service.version=9',
    OTEL_TRACES_SAMPLER: 'sometimes'
  }))
  t.equal(process.env.OTEL_SERVICE_NAME, undefined)
  await (await ask(url)).text()
  const { resource } = await sink.span(({ kind }) => kind === 'server')
  t.match(resource, { 'service.name': 'chat', 'service.version': '9', 'deployment.environment.name': 'test' })
  t.match(sink.requests, [{ path: '/prefix/v1/traces', headers: { authorization: 'Bearer collector-key', 'content-type': 'application/x-protobuf' } }])
  t.match(log.lines.filter(({ level }) => level >= 40), [{ msg: /^OTEL_TRACES_SAMPLER value "sometimes" invalid/ }])
})

test('a sampler leaves traces out', async t => {
  const sink = await collector(t)
  const { app, url, service } = await pair(t, scripts, exportsTo(sink, { OTEL_TRACES_SAMPLER: 'always_off' }))
  await (await ask(url)).text()
  t.match(traceparents(await service.request()), [/-00$/])
  await app.close()
  t.strictSame(sink.requests, [])
})

test('two gateways in a process trace each their own, until they close', async t => {
  const [one, two] = [await collector(t), await collector(t)]
  const first = await pair(t, scripts, exportsTo(one))
  const second = await pair(t, scripts, exportsTo(two))
  await (await ask(first.url)).text()
  await until(() => one.spans.length >= 3)
  t.equal(traceparents(await first.service.request()).length, 1)
  await first.app.close()

  await (await ask(second.url)).text()
  await until(() => two.spans.length >= 3)
  t.equal(two.tree((await two.span(({ kind }) => kind === 'server')).traceId), 'POST /api/chat > chat > POST')
  t.equal(traceparents(await second.service.request()).length, 1)
  await second.app.close()
  t.strictSame([one.spans.length, two.spans.length], [3, 3])

  const { context, propagation, trace } = await import('@opentelemetry/api')
  t.strictSame(propagation.fields(), [], 'nothing is left of them')
  t.notOk(hasSubscribers('undici:request:create'))
  t.equal(context.with(trace.setSpanContext(context.active(), { traceId, spanId: 'b7ad6b7169203331', traceFlags: 1 }), () => trace.getActiveSpan()), undefined)
})
