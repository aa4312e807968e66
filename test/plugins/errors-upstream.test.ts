import { test } from 'tap'
import { ask, json, pair, type Script, streams } from '../helper.ts'

/** Sends a reply that never comes to its end. */
const drips = (status: number, type: string): Script => reply => {
  reply.writeHead(status, { 'content-type': type })
  const drip = setInterval(() => reply.write(' '), 20)
  reply.once('close', () => clearInterval(drip))
}

/** What an upstream does, and what the client is told: status, errorType, message. */
const rows: Record<string, [scripts: Record<string, Script>, status: number, errorType: string, message: string]> = {
  'no Copilot token on the server': [{ '/chat/stream': json(503, { error: 'set COPILOT_GITHUB_TOKEN', errorType: 'token_missing' }) }, 503, 'token_missing', 'GitHub Copilot is not configured: set COPILOT_GITHUB_TOKEN'],
  'Copilot refused the token': [{ '/chat/stream': json(401, { error: 'expired', errorType: 'auth' }) }, 401, 'auth', 'GitHub Copilot authentication failed: expired'],
  'the upstream cannot reach Copilot': [{ '/chat/stream': json(502, { error: 'no network', errorType: 'connection' }) }, 503, 'connection', 'Could not connect to Copilot service: no network'],
  'the upstream closes the connection': [{ '/chat/stream': reply => reply.destroy() }, 503, 'connection', 'The connection to Copilot service was lost'],
  'the upstream never answers': [{ '/chat/stream': () => {} }, 504, 'timeout', 'Copilot did not answer in time'],
  'the upstream sends headers and no byte': [{ '/chat/stream': reply => reply.writeHead(200, { 'content-type': 'text/plain' }).flushHeaders() }, 504, 'timeout', 'Copilot did not answer in time'],
  'the upstream limits us': [{ '/chat/stream': json(429, { error: 'enough' }) }, 429, 'rate_limited', 'Copilot is rate limiting: enough'],
  'a bad request, 400': [{ '/chat/stream': json(400, { error: 'no such model', errorType: 'invalid_request' }) }, 400, 'invalid_request', 'no such model'],
  'a bad request, 413': [{ '/chat/stream': json(413, { error: 'too long' }) }, 400, 'invalid_request', 'too long'],
  'a bad request, 422': [{ '/chat/stream': json(422, { error: 'odd' }) }, 400, 'invalid_request', 'odd'],
  'an error of the SDK': [{ '/chat/stream': json(500, { error: 'it broke', errorType: 'sdk' }) }, 500, 'sdk', 'it broke'],
  'an error of spawn': [{ '/chat/stream': json(502, { error: 'no CLI', errorType: 'spawn' }) }, 500, 'spawn', 'no CLI'],
  'an error of nobody knows': [{ '/chat/stream': json(503, { error: 'hm', errorType: 'unknown' }) }, 500, 'unknown', 'hm'],
  'an error without a kind': [{ '/chat/stream': json(500, { error: 'hm' }) }, 500, 'upstream', 'hm'],
  'an error without a body': [{ '/chat/stream': reply => reply.writeHead(500).end() }, 500, 'upstream', 'Copilot service returned an error'],
  'an error in HTML': [{ '/chat/stream': reply => reply.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Bad Gateway</h1>') }, 500, 'upstream', 'Copilot service returned an error'],
  'an error cut in its body': [{ '/chat/stream': reply => { reply.writeHead(500, { 'content-length': '100' }).write('{"error":"', () => reply.destroy()) } }, 500, 'upstream', 'Copilot service returned an error'],
  'an error that drips': [{ '/chat/stream': drips(503, 'application/json') }, 500, 'upstream', 'Copilot service returned an error'],
  'a missing endpoint that drips': [{ '/chat/stream': drips(404, 'text/plain') }, 500, 'upstream', 'Copilot service returned an error'],
  'a buffered error that drips': [{ '/chat': drips(429, 'text/plain') }, 429, 'rate_limited', 'Copilot is rate limiting'],
  'a buffered reply that drips': [{ '/chat': drips(200, 'application/json') }, 504, 'timeout', 'Copilot did not answer in time'],
  'a redirect': [{ '/chat/stream': reply => reply.writeHead(302, { location: 'https://u:p@login.example.com/elsewhere?token=1' }).end() }, 500, 'upstream', 'Copilot service returned an error: it redirects to login.example.com, and redirects are not followed'],
  'a page instead of a stream': [{ '/chat/stream': reply => reply.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Log in</h1>') }, 502, 'bad_reply', 'Copilot service sent a reply that was not understood: its type is text/html'],
  'a compressed stream': [{ '/chat/stream': reply => reply.writeHead(200, { 'content-type': 'text/plain', 'content-encoding': 'br' }).end('\u000b\u0002') }, 502, 'bad_reply', 'Copilot service sent a reply that was not understood: it is compressed'],
  'bytes that are no HTTP': [{ '/chat/stream': reply => reply.socket?.end('SSH-2.0-OpenSSH_9.6\r\n') }, 502, 'bad_reply', 'Copilot service sent a reply that was not understood'],
  'a length that is told twice': [{ '/chat/stream': reply => reply.socket?.end('HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nHello') }, 502, 'bad_reply', 'Copilot service sent a reply that was not understood'],
  'a buffered reply that is not JSON': [{ '/chat': streams('Hello') }, 502, 'bad_reply', 'Copilot service sent a reply that was not understood: not JSON'],
  'a buffered reply that is no object': [{ '/chat': json(200, 'Hello') }, 502, 'bad_reply', 'Copilot service sent a reply that was not understood: not a JSON object'],
  'a buffered reply without output': [{ '/chat': json(200, { text: 'Hello' }) }, 502, 'bad_reply', 'Copilot service sent a reply that was not understood: no output in it'],
  'a buffered reply of 17 MiB': [{ '/chat': json(200, { output: 'x'.repeat(17 * 1024 * 1024) }) }, 502, 'bad_reply', 'Copilot service sent a reply that was not understood: larger than 16777216 bytes'],
  'nothing on either way': [{ '/chat/stream': streams(), '/chat': json(200, { output: '' }) }, 502, 'stream_empty', 'Copilot service sent an empty answer'],
  'an error of the fallback': [{ '/chat': json(503, { error: 'later', errorType: 'token_missing' }) }, 503, 'token_missing', 'GitHub Copilot is not configured: later']
}

for (const [situation, [scripts, status, errorType, message]] of Object.entries(rows)) {
  test(`${situation} → ${status} ${errorType}`, async t => {
    const { url, log } = await pair(t, scripts, status === 504 || situation.endsWith('drips') ? { COPILOT_FIRST_BYTE_TIMEOUT_MS: '200' } : {})

    const text = await ask(url, { prompt: 'a secret prompt' }, { headers: { accept: '*/*', 'x-request-id': 'text.1' } })
    t.equal(text.status, status)
    t.match(Object.fromEntries(text.headers), { 'content-type': 'text/plain; charset=utf-8', 'x-error-type': errorType, 'x-request-id': 'text.1' })
    t.equal(await text.text(), `Error: ${message}`)

    const asJson = await ask(url, { prompt: 'a secret prompt' }, { headers: { accept: 'application/json', 'x-request-id': 'json.1' } })
    t.equal(asJson.status, status)
    t.match(Object.fromEntries(asJson.headers), { 'content-type': 'application/json; charset=utf-8', 'x-error-type': errorType, 'x-request-id': 'json.1' })
    t.strictSame(await asJson.json(), { error: message, errorType, requestId: 'json.1', retryable: !['auth', 'invalid_request', 'token_missing', 'upstream', 'sdk', 'unknown', 'spawn'].includes(errorType) })

    t.match(await log.ended('text.1'), { level: 40, status, ended: errorType === 'timeout' ? 'timeout' : 'upstream_failed', errorType, error: message })
    t.notMatch(JSON.stringify(log.lines), /secret prompt/)
  })
}
