import { once } from 'node:events'
import { test } from 'tap'
import { build, drainSocket, pair, rawAsk } from '../helper.ts'
import { raw } from '../raw.ts'
import { scrape } from '../scrape.ts'

const nowhere = { COPILOT_SERVICE_URL: 'http://127.0.0.1:9' }
const more = 'Host: localhost\r\nOrigin: http://localhost:5173\r\nConnection: close\r\n'

const cases: Record<string, [request: string, status: number, errorType: string]> = {
  'an unknown expectation': [`GET /health HTTP/1.1\r\n${more}Expect: x\r\n\r\n`, 417, 'invalid_request'],
  'a request without a Host': ['GET /health HTTP/1.1\r\nOrigin: http://localhost:5173\r\nConnection: close\r\n\r\n', 400, 'invalid_request'],
  'a path that cannot be decoded': [`GET /api/chat/%E0%A4%A HTTP/1.1\r\n${more}\r\n`, 400, 'invalid_request'],
  'a path that cannot be decoded, posted': [`POST /api/%ff HTTP/1.1\r\n${more}Content-Length: 0\r\n\r\n`, 400, 'invalid_request'],
  'a part of a path that is too long': [`GET /api/chat/${'x'.repeat(200)} HTTP/1.1\r\n${more}\r\n`, 414, 'invalid_request'],
  'a URL that is too long': [`GET /health?${'x'.repeat(20_000)} HTTP/1.1\r\n${more}\r\n`, 431, 'invalid_request'],
  'bytes that are no HTTP': [`GET /health HTTP/9.9\r\n${more}\r\n`, 400, 'invalid_request'],
  'a body that breaks off HTTP': [`POST /api/chat HTTP/1.1\r\n${more}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nno size\r\n`, 400, 'invalid_request'],
  'a CONNECT': [`CONNECT example.com:443 HTTP/1.1\r\n${more}\r\n`, 405, 'invalid_request'],
  'a method that no route has': [`PROPFIND /health HTTP/1.1\r\n${more}\r\n`, 404, 'not_found'],
  'an upgrade': ['GET /nowhere HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost:5173\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n', 404, 'not_found']
}

for (const [name, [request, status, errorType]] of Object.entries(cases)) {
  test(`${name} is refused as everything else: named, readable to pages, logged and counted`, async t => {
    const { url, port, log } = await build(t, nowhere)
    const reply = await raw(port, request)
    const head = reply.slice(0, reply.indexOf('\r\n\r\n')).toLowerCase()
    t.match(head, new RegExp(`^http/1\\.1 ${status} `))
    for (const header of [`x-error-type: ${errorType}`, 'x-content-type-options: nosniff', 'access-control-allow-origin: http://localhost:5173']) t.ok(head.includes(`\r\n${header}`), `${header} in ${head}`)
    const id = /\r\nx-request-id: (\S+)/.exec(head)?.[1] ?? 'none'
    t.match(await log.ended(id), { status, errorType, ended: 'complete' })
    t.strictSame(log.lines.filter(({ level, requestId }) => level > 30 && requestId !== undefined), [])
    const seen = await scrape(url)
    t.match(JSON.stringify(seen.counted('gateway_requests_total')), `${status}`)
  })
}

test('below /v1, what no route sees is refused in the form of OpenAI, wherever the gateway is', async t => {
  const { port } = await build(t, nowhere)
  for (const [request, status] of [
    [`GET /v1/models/%E0%A4%A HTTP/1.1\r\n${more}\r\n`, 400],
    [`GET /v1/% HTTP/1.1\r\n${more}\r\n`, 400],
    [`GET /v1/models/${'x'.repeat(500)} HTTP/1.1\r\n${more}\r\n`, 414],
    [`POST /v1/chat/completions HTTP/1.1\r\n${more}Content-Length: 0\r\nExpect: x\r\n\r\n`, 417]
  ] as const) {
    const reply = await raw(port, request)
    t.match(reply, new RegExp(`^HTTP/1\\.1 ${status} `))
    t.match(JSON.parse(reply.slice(reply.indexOf('\r\n\r\n'))), { error: { message: /^Invalid request: /, type: 'invalid_request_error', code: 'invalid_request', param: null } })
  }
})

test('a CONNECT behind an answer in flight ends the connection, and is told nothing that would look like a part of the answer', async t => {
  const { port, service } = await pair(t, { '/chat/stream': reply => reply.writeHead(200, { 'content-type': 'text/plain' }).write('half an ') })
  const socket = await rawAsk(port)
  await service.request()
  await once(socket, 'readable')
  socket.write('CONNECT example.com:443 HTTP/1.1\r\nHost: localhost\r\n\r\n')
  t.notMatch((await drainSocket(socket)).text, /405|0\r\n\r\n/)
})
