import { test } from 'tap'
import { ask, pair, streams } from '../helper.ts'

test('an answer streams through as it was written, with the headers that keep it streaming', async t => {
  const { url, service, log } = await pair(t, { '/chat/stream': streams('Hello ', 'wörld ', '🌍') })

  const response = await ask(url, { prompt: '  Hi there ', model: 'gpt-x', unknown: true }, { headers: { 'x-request-id': 'abc.1' } })

  t.equal(response.status, 200)
  t.equal(await response.text(), 'Hello wörld 🌍')
  t.match(Object.fromEntries(response.headers), {
    'content-type': 'text/plain; charset=utf-8',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
    'x-content-type-options': 'nosniff',
    'x-request-id': 'abc.1',
    'x-copilot-delivery': 'stream',
    'transfer-encoding': 'chunked'
  })

  const request = await service.request()
  t.equal(request.method, 'POST')
  t.strictSame(request.json, { prompt: 'Hi there', mode: 'explain-only', model: 'gpt-x', conversation: { messages: [], prompt: 'Hi there' } })
  t.match(request.headers, { accept: 'text/event-stream, text/plain;q=0.9', 'content-type': 'application/json', 'x-request-id': 'abc.1' })
  t.match(await log.ended(), { requestId: 'abc.1', caller: 'anonymous', status: 200, delivery: 'stream', ended: 'complete', bytes: Number, firstByteMs: Number, durationMs: Number })
})
