import { test } from 'tap'
import { ask, pair, streams } from '../helper.ts'
import { raw } from '../raw.ts'

const echo = { '/chat/stream': streams('fine') }
const MiB = 1024 * 1024

test('no such route → 404 not_found, for every method', async t => {
  const { url } = await pair(t, echo)
  for (const [method, path] of [['GET', '/nowhere?token=x'], ['GET', '/api/chat'], ['POST', '/health'], ['DELETE', '/api/nowhere'], ['POST', '/']] as const) {
    const response = await fetch(`${url}${path}`, { method, headers: { 'x-request-id': 'lost.1' } })
    t.equal(response.status, 404, path)
    t.match(Object.fromEntries(response.headers), { 'content-type': 'text/plain; charset=utf-8', 'x-error-type': 'not_found', 'x-request-id': 'lost.1' })
    t.equal(await response.text(), 'Error: Not found')
  }
  const response = await fetch(`${url}/nowhere`, { headers: { accept: 'application/json', 'x-request-id': 'lost.2' } })
  t.strictSame(await response.json(), { error: 'Not found', errorType: 'not_found', requestId: 'lost.2', retryable: false })
})

test('a content type other than JSON → 415', async t => {
  const { url, service } = await pair(t, echo)
  for (const type of ['text/plain', 'text/plain; application/json', 'text/plain;charset=application/json', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/jsonp', 'application/json-seq', 'text/json', 'application/xml']) {
    const response = await ask(url, { prompt: 'Hi' }, { headers: { 'content-type': type } })
    t.equal(response.status, 415, type)
    t.match(Object.fromEntries(response.headers), { 'x-error-type': 'invalid_request', 'x-request-id': /./ })
    t.equal(await response.text(), 'Error: Invalid request: Content-Type must be application/json')
  }
  t.equal(service.requests.length, 0)
})

test('no content type, or one that is none → 415', async t => {
  const { port } = await pair(t, echo)
  for (const line of ['', 'Content-Type: \r\n', 'Content-Type: json\r\n', 'Content-Type: application\r\n']) {
    const reply = await raw(port, `POST /api/chat HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${line}Content-Length: 15\r\n\r\n{"prompt":"Hi"}`)
    t.match(reply, /^HTTP\/1\.1 415 /, JSON.stringify(line))
    t.match(reply, /x-error-type: invalid_request/i)
  }
})

test('JSON with parameters is JSON', async t => {
  const { url } = await pair(t, echo)
  for (const type of ['application/json', 'application/json; charset=utf-8', 'APPLICATION/JSON', 'application/json;charset=UTF-8']) {
    t.equal((await ask(url, { prompt: 'Hi' }, { headers: { 'content-type': type } })).status, 200, type)
  }
})

test('a body of 1 MiB is read, one byte more → 413', async t => {
  const { url } = await pair(t, echo)
  const body = (bytes: number): string => {
    const json = JSON.stringify({ prompt: 'Hi', padding: '' })
    return json.replace('"padding":""', `"padding":"${'x'.repeat(bytes - json.length)}"`)
  }
  const fits = await ask(url, undefined, { body: body(MiB) })
  t.equal(fits.status, 200)
  await fits.text()

  const response = await ask(url, undefined, { body: body(MiB + 1) })
  t.equal(response.status, 413)
  t.match(Object.fromEntries(response.headers), { 'x-error-type': 'invalid_request', 'x-request-id': /./ })
  t.equal(await response.text(), 'Error: Invalid request: the body may have at most 1 MiB')
})

test('BODY_LIMIT_BYTES moves the bound, and the error says where it is', async t => {
  for (const [limit, words] of [[2_048, '2 KiB'], [100, '100 bytes'], [3 * MiB, '3 MiB']] as const) {
    const { url } = await pair(t, echo, { BODY_LIMIT_BYTES: String(limit) })
    const response = await ask(url, { prompt: 'Hi', messages: [{ role: 'assistant', content: 'x'.repeat(limit) }] })
    t.equal(response.status, 413)
    t.equal(await response.text(), `Error: Invalid request: the body may have at most ${words}`)
  }
})

test('a chunked body is counted, too', async t => {
  const { port } = await pair(t, echo)
  const chunk = `${(64 * 1024).toString(16)}\r\n${' '.repeat(64 * 1024)}\r\n`
  const reply = await raw(port, 'POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n', chunk.repeat(17))
  t.match(reply, /^HTTP\/1\.1 413 /)
})

test('errors are JSON for those who ask for it, plain text for everybody else', async t => {
  const { url } = await pair(t, echo)
  const types: Record<string, string> = {
    '*/*': 'text/plain',
    'text/plain': 'text/plain',
    'text/html, */*;q=0.1': 'text/plain',
    'image/png': 'text/plain',
    'text/plain, application/json;q=0.5': 'text/plain',
    'application/json': 'application/json',
    'application/*': 'application/json',
    'application/json, */*;q=0.5': 'application/json',
    'text/plain;q=0.5, application/json': 'application/json',
    'text/event-stream': 'application/json'
  }
  for (const [accept, type] of Object.entries(types)) {
    const response = await fetch(`${url}/nowhere`, { headers: { accept } })
    t.equal(response.headers.get('content-type'), `${type}; charset=utf-8`, accept)
  }
})
