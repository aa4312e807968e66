import { once } from 'node:events'
import { test } from 'tap'
import { ask, json, pair } from '../helper.ts'

test('an upstream\'s text reaches clients as one line of at most 500 characters', async t => {
  const { url } = await pair(t, { '/chat/stream': json(500, { error: `a\r\nb\u0007${'x'.repeat(1_000)}`, errorType: 'sdk' }) })
  const message = (await (await ask(url)).text()).slice('Error: '.length)
  t.ok(message.startsWith('a b x'))
  t.equal(message.length, 500)
})

test('tokens in an upstream\'s text reach neither clients nor the log', async t => {
  const token = 'service-token-1234'
  const { url, log } = await pair(t, {
    '/chat/stream': (reply, request) => json(401, { error: `bad ${request.headers.authorization} and ghp_0123456789abcdefABCD`, errorType: 'auth' })(reply, request)
  }, { COPILOT_SERVICE_TOKEN: token })

  const body = await (await ask(url)).text()

  t.equal(body, 'Error: GitHub Copilot authentication failed: bad Bearer [redacted] and [redacted]')
  await log.ended()
  t.notMatch(JSON.stringify(log.lines), new RegExp(`${token}|ghp_`))
})

test('the Retry-After of a limit is passed on', async t => {
  const { url } = await pair(t, { '/chat/stream': json(429, { error: 'enough' }, { 'retry-after': '17' }) })
  t.equal((await ask(url)).headers.get('retry-after'), '17')
})

test('no other header of an upstream\'s error is', async t => {
  const { url } = await pair(t, { '/chat/stream': json(500, { error: 'x' }, { 'set-cookie': 'a=b', 'x-secret': '1', 'retry-after': '17' }) })
  const { headers } = await ask(url)
  for (const name of ['set-cookie', 'x-secret', 'retry-after']) t.notOk(headers.has(name), name)
})

test('an error body is not read beyond 64 KiB', async t => {
  const { url, service } = await pair(t, {
    // It never ends: a gateway that read on would never answer.
    '/chat/stream': reply => { reply.writeHead(500).write(Buffer.alloc(64 * 1024 + 1, 'x')) }
  })
  const request = service.request()
  const response = await ask(url)
  t.equal(response.status, 500)
  t.equal(await response.text(), 'Error: Copilot service returned an error')
  const { socket } = (await request).raw
  if (!socket.destroyed) await once(socket, 'close')
})

test('an error body of 10 MB stays where it is', async t => {
  const size = 10_000_000
  let written = 0
  const { url, service } = await pair(t, {
    '/chat/stream': async reply => {
      reply.writeHead(500, { 'content-length': size })
      const closed = once(reply, 'close')
      // The upstream writes as fast as the gateway takes it; what was taken is what did not stay in its buffer.
      while (written < size && !reply.destroyed) {
        if (!reply.write(Buffer.alloc(10_000, 'x'))) await Promise.race([once(reply, 'drain'), closed])
        written += 10_000
      }
    }
  })
  const response = await ask(url)
  t.equal(await response.text(), 'Error: Copilot service returned an error')
  const { socket } = (await service.request()).raw
  if (!socket.destroyed) await once(socket, 'close')
  t.ok(written < size, `${written} bytes were written`)
})
