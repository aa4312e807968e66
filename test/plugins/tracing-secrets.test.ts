import { test } from 'tap'
import { collector, exportsTo } from '../collector.ts'
import { ask, pair, type Script, streams } from '../helper.ts'

const begins: Script = reply => reply.writeHead(200, { 'content-type': 'text/plain' }).write('the-answer')

test('nothing that is secret, asked or answered leaves in spans', async t => {
  const sink = await collector(t)
  const secrets = ['gateway-key-1', 'service-token-2', 'collector-key-3', 'the-prompt', 'the-answer', 'the-session', 'the-query', 'the-complaint', 'a-cookie']
  const { app, url } = await pair(t, {
    '/chat/stream': (reply, request) => {
      if (request.body.includes('fail')) reply.writeHead(400, { 'content-type': 'application/json' }).end(JSON.stringify({ error: 'the-complaint about the-prompt' }))
      else if (request.body.includes('cut')) begins(reply, request)
      else streams('the-answer')(reply, request)
    }
  }, exportsTo(sink, { AUTH_MODE: 'api-key', API_KEYS: 'page:gateway-key-1', COPILOT_SERVICE_TOKEN: 'service-token-2', OTEL_EXPORTER_OTLP_HEADERS: 'authorization=collector-key-3' }))
  const headers = { authorization: 'Bearer gateway-key-1', cookie: 'id=a-cookie' }

  for (const prompt of ['the-prompt', 'the-prompt fail']) await (await ask(url, { prompt, sessionId: 'the-session', messages: [{ role: 'assistant', content: 'the-answer' }] }, { headers })).text()
  await ask(url, { prompt: 'the-prompt cut' }, { headers })
  const resumable = await ask(url, { prompt: 'the-prompt', resumable: true }, { headers })
  const id = resumable.headers.get('x-stream-id') ?? ''
  await resumable.text()
  await fetch(`${url}/api/chat/${id}?offset=the-query`, { headers })
  await fetch(`${url}/api/the-query`, { headers })
  await fetch(`${url}/api/models?key=gateway-key-1`)
  await app.close().catch(() => {})

  t.ok(sink.spans.length > 10)
  const exported = Buffer.concat(sink.requests.map(({ body }) => body))
  for (const secret of [...secrets, id]) t.notOk(exported.includes(secret), secret)
})
