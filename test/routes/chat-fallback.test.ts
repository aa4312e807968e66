import { STATUS_CODES } from 'node:http'
import { test } from 'tap'
import { ask, json, pair, type Script, streams } from '../helper.ts'

const buffered = json(200, { output: 'The whole answer 🌍' })
const empty: Script = reply => reply.writeHead(200, { 'content-type': 'text/plain' }).end()
const paths = (requests: ReadonlyArray<{ path: string }>): string[] => requests.map(({ path }) => path)

for (const status of [404, 405, 501]) {
  test(`an upstream that answers ${status} to /chat/stream is asked for a buffered answer, and remembered`, async t => {
    const { url, service, log } = await pair(t, { '/chat/stream': json(status, { error: STATUS_CODES[status], message: 'Route POST:/chat/stream not found', statusCode: status }), '/chat': buffered })

    const response = await ask(url, { prompt: 'Hi', mode: 'project-helper', model: 'm' }, { headers: { 'x-request-id': 'one' } })
    t.equal(response.status, 200)
    t.equal(response.headers.get('x-copilot-delivery'), 'buffered')
    t.equal(response.headers.get('content-type'), 'text/plain; charset=utf-8')
    t.equal(await response.text(), 'The whole answer 🌍')
    t.match(await log.ended('one'), { delivery: 'buffered', ended: 'complete' })

    await (await ask(url)).text()
    t.strictSame(paths(service.requests), ['/chat/stream', '/chat', '/chat'])
    t.strictSame(service.requests[1]?.json, service.requests[0]?.json, 'the same question both ways')
    t.equal(service.requests[1]?.headers.accept, 'application/json')
  })
}

for (const body of [{ error: 'no such model', errorType: 'model_not_found' }, { error: 'no such model' }, { error: { message: 'no such model' } }]) {
  test(`a 404 with words of its own is about one question: ${JSON.stringify(body)}`, async t => {
    const { url, service } = await pair(t, {
      '/chat/stream': (reply, request) => (request.json.model === 'none' ? json(404, body) : streams('streamed'))(reply, request),
      '/chat': buffered
    })
    t.match(await (await ask(url, { prompt: 'Hi', model: 'none' })).text(), /^Error: no such model/)
    t.equal(await (await ask(url)).text(), 'streamed')
    t.strictSame(paths(service.requests), ['/chat/stream', '/chat/stream'])
  })
}

test('a 404 that /chat does not confirm is not remembered', async t => {
  const { url, service } = await pair(t, { '/chat': json(404, { error: 'no such model', errorType: 'model_not_found' }) })
  t.equal((await ask(url)).headers.get('x-error-type'), 'model_not_found')
  service.scripts['/chat/stream'] = streams('streamed')
  t.equal(await (await ask(url)).text(), 'streamed')
})

test('once COPILOT_STREAM_RETRY_MS is over, streaming is tried again', async t => {
  const { url, service } = await pair(t, { '/chat': buffered }, { COPILOT_STREAM_RETRY_MS: '0' })
  await (await ask(url)).text()
  service.scripts['/chat/stream'] = streams('streamed')
  t.equal(await (await ask(url)).text(), 'streamed')
})

test('a stream that ends without a byte is asked for again, buffered, and not remembered', async t => {
  const { url, service } = await pair(t, { '/chat/stream': empty, '/chat': buffered })
  const response = await ask(url)
  t.equal(response.headers.get('x-copilot-delivery'), 'buffered')
  t.equal(await response.text(), 'The whole answer 🌍')
  await (await ask(url)).text()
  t.strictSame(paths(service.requests), ['/chat/stream', '/chat', '/chat/stream', '/chat'])
})

test('so is a stream that has sent its headers some time before', async t => {
  const { url } = await pair(t, {
    '/chat/stream': reply => {
      reply.writeHead(200, { 'content-type': 'text/plain' }).flushHeaders()
      setTimeout(() => reply.end(), 50)
    },
    '/chat': buffered
  })
  t.equal(await (await ask(url)).text(), 'The whole answer 🌍')
})

const failures: Array<[string, Script, number, string]> = [
  ['nothing either', json(200, { output: '' }), 502, 'stream_empty'],
  ['HTML', reply => reply.writeHead(200, { 'content-type': 'text/html' }).end('<html>'), 502, 'bad_reply'],
  ['no output', json(200, { answer: 'x' }), 502, 'bad_reply'],
  ['no object', json(200, null), 502, 'bad_reply'],
  ['more than can be held', reply => reply.end(Buffer.alloc(17_000_000, ' ')), 502, 'bad_reply'],
  ['an error', json(503, { error: 'no token', errorType: 'token_missing' }), 503, 'token_missing'],
  ['half a reply', reply => { reply.writeHead(200, { 'content-length': '100' }).write('{"output":"ha'); setImmediate(() => reply.destroy()) }, 503, 'connection']
]
for (const [name, script, status, errorType] of failures) {
  test(`when /chat gives ${name}, the client gets ${status} ${errorType}`, async t => {
    const { url } = await pair(t, { '/chat/stream': empty, '/chat': script })
    const response = await ask(url)
    t.equal(response.status, status)
    t.equal(response.headers.get('x-error-type'), errorType)
  })
}

const noStreams: Array<[string, Record<string, string>]> = [
  ['HTML', { 'content-type': 'text/html; charset=utf-8' }],
  ['JSON', { 'content-type': 'application/json' }],
  ['compressed', { 'content-type': 'text/plain', 'content-encoding': 'gzip' }]
]
for (const [name, headers] of noStreams) {
  test(`a stream that is ${name} is not passed on as an answer`, async t => {
    const { url } = await pair(t, { '/chat/stream': reply => reply.writeHead(200, headers).end('not an answer') })
    const response = await ask(url)
    t.equal(response.status, 502)
    t.equal(response.headers.get('x-error-type'), 'bad_reply')
  })
}
