import { test } from 'tap'
import { type Collector, collector, exportsTo, type Span, until } from '../collector.ts'
import { ask, type Gateway, json, pair, type Script, streams, type Upstream } from '../helper.ts'

const begins: Script = reply => reply.writeHead(200, { 'content-type': 'text/plain' }).write('half an ')

/** The spans of one request by what they are, once all of them have come. */
interface Trace { readonly tree: string, readonly request: Span, readonly answer: Span, readonly calls: Span[] }

async function traceOf (sink: Collector, count: number): Promise<Trace> {
  await until(() => sink.spans.length >= count)
  const [request, ...more] = sink.spans.filter(({ kind }) => kind === 'server')
  const answer = sink.spans.find(({ name }) => name.startsWith('chat'))
  if (!request || !answer || more.length > 0) throw new Error('not the spans of one answer')
  return { tree: sink.tree(request.traceId), request, answer, calls: sink.spans.filter(({ name }) => name === 'POST') }
}

const ways: Array<{ name: string, scripts: Record<string, Script>, spans?: number, tree?: string, request?: object, answer?: object, calls?: object[], read?: (gateway: Gateway & { service: Upstream }) => Promise<unknown> }> = [
  {
    name: 'that is streamed',
    scripts: { '/chat/stream': streams('one ', 'two') },
    request: { failed: false, attributes: { 'http.request.method': 'POST', 'http.route': '/api/chat', 'url.path': '/api/chat', 'url.scheme': 'http', 'http.response.status_code': 200, 'gateway.ended': 'complete' } },
    answer: {
      failed: false,
      attributes: {
        'gen_ai.operation.name': 'chat',
        'gen_ai.provider.name': 'github',
        'gen_ai.request.model': 'gpt-x',
        'gen_ai.request.stream': true,
        'gen_ai.response.time_to_first_chunk': Number,
        'gateway.delivery': 'stream',
        'gateway.upstream': /^http:\/\/127\.0\.0\.1:\d+$/,
        'gateway.ended': 'complete'
      }
    },
    calls: [{ failed: false, attributes: { 'url.path': '/chat/stream', 'http.response.status_code': 200 } }]
  },
  {
    name: 'that falls back',
    scripts: { '/chat': json(200, { output: 'whole' }) },
    spans: 4,
    tree: 'POST /api/chat > chat gpt-x > [POST, POST]',
    answer: { failed: false, attributes: { 'gateway.delivery': 'buffered', 'gateway.ended': 'complete' } },
    calls: [{ attributes: { 'url.path': '/chat/stream', 'http.response.status_code': 404 } }, { attributes: { 'url.path': '/chat', 'http.response.status_code': 200 } }]
  },
  {
    name: 'that is refused by the service',
    scripts: { '/chat/stream': json(429, { error: 'later' }) },
    request: { failed: false, attributes: { 'http.response.status_code': 429, 'gateway.ended': 'upstream_failed' } },
    answer: { failed: true, description: '', attributes: { 'error.type': 'rate_limited', 'gateway.upstream': /^http:\/\/127\.0\.0\.1:\d+$/, 'gateway.ended': 'upstream_failed' } }
  },
  {
    name: 'that fails at the service',
    scripts: { '/chat/stream': json(500, { error: 'a bug', errorType: 'sdk' }) },
    request: { failed: true, description: '', attributes: { 'error.type': 'sdk', 'http.response.status_code': 500 } },
    answer: { failed: true, attributes: { 'error.type': 'sdk' } }
  },
  {
    name: 'that the service cuts',
    scripts: { '/chat/stream': (reply, request) => { begins(reply, request); setImmediate(() => reply.destroy()) } },
    request: { failed: true, attributes: { 'error.type': 'connection', 'http.response.status_code': 200, 'gateway.ended': 'upstream_failed' } },
    answer: { failed: true, attributes: { 'error.type': 'connection', 'gateway.ended': 'upstream_failed' } },
    calls: [{ failed: true }]
  },
  {
    name: 'whose reader leaves before its first byte',
    scripts: { '/chat/stream': () => {} },
    async read ({ url, service }) {
      const reader = new AbortController()
      const asked = ask(url, { prompt: 'Hello', model: 'gpt-x' }, { signal: reader.signal })
      await service.request()
      reader.abort()
      await asked.catch(() => {})
    },
    request: { failed: false, attributes: { 'gateway.ended': 'client_left' } },
    answer: { failed: false, attributes: { 'gateway.ended': 'client_left' } },
    calls: [{ failed: false, events: [] }]
  },
  {
    name: 'whose reader leaves in its middle',
    scripts: { '/chat/stream': begins },
    async read ({ url }) {
      const reader = new AbortController()
      await ask(url, { prompt: 'Hello', model: 'gpt-x' }, { signal: reader.signal })
      reader.abort()
    },
    request: { failed: false, attributes: { 'http.response.status_code': 200, 'gateway.ended': 'client_left' } },
    answer: { failed: false, attributes: { 'gateway.delivery': 'stream', 'gateway.ended': 'client_left' } },
    calls: [{ failed: false }]
  },
  {
    name: 'that takes too long',
    scripts: { '/chat/stream': begins },
    async read ({ app, url }) {
      const response = await ask(url, { prompt: 'Hello', model: 'gpt-x' })
      await Promise.all([response.text().catch(() => {}), app.close().catch(() => {})])
    },
    request: { failed: true, attributes: { 'error.type': 'draining', 'gateway.ended': 'drained' } },
    answer: { failed: true, attributes: { 'error.type': 'draining', 'gateway.ended': 'drained' } }
  }
]
for (const { name, scripts, spans = 3, tree = 'POST /api/chat > chat gpt-x > POST', request = {}, answer = {}, calls = [{}], read } of ways) {
  test(`an answer ${name} is one tree of spans`, async t => {
    const sink = await collector(t)
    const gateway = await pair(t, scripts, exportsTo(sink))
    if (read) await read(gateway)
    else await ask(gateway.url, { prompt: 'Hello', model: 'gpt-x' }).then(response => response.text()).catch(() => {})

    const trace = await traceOf(sink, spans)
    t.equal(trace.tree, tree)
    t.match(trace.request, { kind: 'server', ...request })
    t.match(trace.answer, { kind: 'client', ...answer })
    t.match(trace.calls.map(({ kind }) => kind), calls.map(() => 'client'))
    t.match(trace.calls, calls)
    t.ok(trace.request.end > trace.request.start)

    const line = await gateway.log.ended()
    t.equal(line.traceId, trace.request.traceId, 'from the log to the trace')
    t.equal(trace.request.attributes['gateway.request.id'], line.requestId, 'and back')
  })
}

test('the spans of an answer last until its last byte, and those of a resumable one until it is over, whoever reads it', async t => {
  const sink = await collector(t)
  const { url } = await pair(t, { '/chat/stream': begins }, exportsTo(sink))
  const reader = new AbortController()
  const response = await ask(url, { prompt: 'Hello', resumable: true }, { signal: reader.signal })
  const stream = `${url}/api/chat/${response.headers.get('x-stream-id')}`
  t.strictSame(sink.spans, [], 'nothing has ended')
  reader.abort()
  const asked = await sink.span(({ name }) => name === 'POST /api/chat')
  t.notOk(sink.spans.find(({ name }) => name === 'chat'), 'the answer goes on')

  const later = await fetch(stream)
  const stopped = await fetch(stream, { method: 'DELETE' })
  t.equal(stopped.status, 204)
  await later.text().catch(() => {})
  const answer = await sink.span(({ name }) => name === 'chat')
  t.match(answer, { traceId: asked.traceId, parentSpanId: asked.spanId, failed: false, attributes: { 'gateway.ended': 'stopped' } })
  t.notOk('gen_ai.request.model' in answer.attributes)
  for (const name of ['GET /api/chat/:streamId', 'DELETE /api/chat/:streamId']) {
    const span = await sink.span(span => span.name === name)
    t.not(span.traceId, asked.traceId, 'a request of its own')
    t.equal(span.attributes['url.path'], '/api/chat/:streamId')
  }
})

test('other requests of the API are traced as far as they go, and nothing else is', async t => {
  const sink = await collector(t)
  const { url, log } = await pair(t, { '/models': json(200, { models: [] }) }, exportsTo(sink))
  await fetch(`${url}/health/ready`)
  t.notOk('traceId' in await log.ended())
  await fetch(`${url}/api/models?token=1`)
  await ask(url, { prompt: '' })
  await fetch(`${url}/api/nothing`)
  await until(() => sink.spans.length >= 4)

  const [models, refused, unknown] = ['GET /api/models', 'POST /api/chat', 'GET'].map(name => sink.spans.find(span => span.name === name && span.kind === 'server'))
  t.equal(sink.tree(models?.traceId ?? ''), 'GET /api/models > GET')
  t.match(refused, { failed: false, attributes: { 'http.response.status_code': 400, 'gateway.ended': 'complete' } })
  t.match(unknown, { failed: false, attributes: { 'http.response.status_code': 404, 'url.path': '' } })
  t.equal(sink.spans.length, 4)
})

test('an answer in the form of OpenAI has the same tree, and a replay of it the span of its request alone', async t => {
  const sink = await collector(t)
  const { app, url } = await pair(t, { '/chat/stream': streams('Hi') }, exportsTo(sink))
  const complete = async (): Promise<void> => {
    const headers = { 'content-type': 'application/json', 'idempotency-key': 'k' }
    await (await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers, body: JSON.stringify({ model: 'gpt-x', messages: [{ role: 'user', content: 'Hello' }] }) })).text()
  }
  await complete()
  await complete()
  await app.close()
  t.strictSame([...new Set(sink.spans.map(({ traceId }) => sink.tree(traceId)))].sort(), ['POST /v1/chat/completions', 'POST /v1/chat/completions > chat gpt-x > POST'])
})
