import { test } from 'tap'
import { ask, events, json, pair, type Script } from '../helper.ts'
import { scrape } from '../scrape.ts'

const frame = (event: string, data: unknown) => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`
const told = (...frames: string[]): Script => async reply => {
  reply.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' })
  for (const frame of frames) await new Promise(resolve => reply.write(frame, resolve))
  reply.end()
}
const thought = frame('reasoning', { text: 'Hm' })
const hello = frame('delta', { text: 'Hello' })
const accept = { headers: { accept: 'text/event-stream' } }

test('a service that tells parts is understood by readers of text and of events', async t => {
  const { url, service } = await pair(t, { '/chat/stream': told(frame('start', {}), thought, hello, frame('done', { finishReason: 'stop', bytes: 5, usage: { inputTokens: 1, outputTokens: 2 } })) })
  t.equal(await (await ask(url)).text(), 'Hello')
  t.equal(service.requests[0]?.headers.accept, 'text/event-stream, text/plain;q=0.9')
  const all = await events(await ask(url, undefined, accept))
  t.match(all.map(({ event }) => event), ['start', 'reasoning', 'delta', 'done'])
  t.match(all.at(-1)?.data, { reason: 'complete', finishReason: 'stop', bytes: 5, usage: { inputTokens: 1, outputTokens: 2 } })
})

for (const [reason, finishReason] of [['length', 'length'], ['filtered', 'content_filter']] as const) {
  test(`an answer that ended by ${finishReason} is cut for a reader of text and named to one of events, streamed or buffered`, async t => {
    const ways: Array<Record<string, Script>> = [
      { '/chat/stream': told(hello, frame('done', { finishReason })) },
      { '/chat': json(200, { output: 'Hello', finishReason, usage: { inputTokens: 3, outputTokens: 4 } }) },
      { '/chat/stream': told(hello, frame('done', { reason })) },
      { '/chat': json(200, { output: 'Hello', reason }) },
      { '/chat': json(200, { output: 'Hello', reason, finishReason: 'stop' }) }
    ]
    for (const scripts of ways) {
      const { url } = await pair(t, scripts)
      await t.rejects(ask(url).then(response => response.text()))
      t.match((await events(await ask(url, undefined, accept))).at(-1), { event: 'done', data: { reason, finishReason } })
    }
  })
}

test('a reported error has a status before the first word, and is told behind it', async t => {
  const { url, service } = await pair(t, { '/chat/stream': told(frame('error', { errorType: 'token_missing', message: 'set one' })) })
  t.equal((await ask(url)).status, 503)
  service.scripts['/chat/stream'] = told(hello, frame('error', { errorType: 'token_missing', message: 'set one' }))
  t.match((await events(await ask(url, undefined, accept))).at(-1), { event: 'error', data: { errorType: 'token_missing', bytes: 5 } })
})

test('a connection that the service has lost in the middle of its answer was not one that it could not make', async t => {
  const lost = frame('error', { errorType: 'connection', message: 'no route' })
  const { url, service } = await pair(t, { '/chat/stream': told(lost) })
  t.equal(await (await ask(url)).text(), 'Error: Could not connect to Copilot service: no route')
  service.scripts['/chat/stream'] = told(hello, lost)
  t.match((await events(await ask(url, undefined, accept))).at(-1), { event: 'error', data: { errorType: 'connection', status: 503, message: 'The connection to Copilot service was lost: no route' } })
})

test('an error means as an event what it does as a reply', async t => {
  const kinds = ['', 'token_missing', 'auth', 'unauthenticated', 'forbidden', 'rate_limited', 'too_many_requests', 'connection', 'timeout', 'idle_timeout', 'max_duration', 'bad_reply', 'stream_empty',
    'length', 'filtered', 'stopped', 'overloaded', 'draining', 'too_many_streams', 'internal', 'invalid_request', 'not_found', 'upstream', 'sdk', 'Odd One', 7]
  const { url, service } = await pair(t, {}, { RATE_LIMIT_MAX: '1000' })
  const seen = async (script: Script): Promise<unknown> => {
    service.scripts['/chat/stream'] = script
    const response = await ask(url)
    return [response.status, response.headers.get('x-error-type'), response.headers.get('retry-after'), await response.text()]
  }
  for (const errorType of kinds) {
    for (const status of [400, 401, 429, 500, 503]) {
      const reply = await seen(json(status, { error: 'in its own words', errorType }))
      t.strictSame(await seen(told(frame('error', { errorType, status, message: 'in its own words' }))), reply, `${errorType} ${status}`)
    }
  }
})

test('the log says how the answer ended and what it cost, as far as the service says', async t => {
  const ends = [
    [{ finishReason: 'stop', usage: { inputTokens: 7, outputTokens: 5, reasoningTokens: 2, cachedInputTokens: 1 } }, { ended: 'complete', finishReason: 'stop', inputTokens: 7, outputTokens: 5, reasoningTokens: 2, cachedInputTokens: 1 }],
    [{ finishReason: 'length', usage: { outputTokens: 5 } }, { ended: 'length', finishReason: 'length', inputTokens: undefined, outputTokens: 5, reasoningTokens: undefined }],
    [{ reason: 'filtered' }, { ended: 'filtered', finishReason: 'content_filter', inputTokens: undefined, outputTokens: undefined }],
    [{}, { ended: 'complete', finishReason: undefined, inputTokens: undefined }]
  ] as const
  for (const [end, line] of ends) {
    for (const resumable of [false, true]) {
      for (const headers of [accept.headers, { accept: 'text/plain' }]) {
        const { url, log } = await pair(t, { '/chat/stream': told(thought, hello, frame('done', end)) })
        await ask(url, { prompt: 'Hi', resumable }, { headers }).then(response => response.text()).catch(() => {})
        t.match(await log.ended(), line, JSON.stringify({ end, resumable, headers }))
      }
    }
  }
})

test('thoughts and then nothing is an empty answer, and not asked for twice', async t => {
  const { url, service } = await pair(t, { '/chat/stream': told(thought, frame('done', {})), '/chat': json(200, { output: 'again' }) })
  const response = await ask(url)
  t.equal(response.status, 502)
  t.equal(response.headers.get('x-error-type'), 'stream_empty')
  t.equal(service.requests.length, 1)
})

test('of an answer that is refused, its reader has had nothing, and the log says why', async t => {
  const { url, service, log } = await pair(t, {}, { COPILOT_IDLE_TIMEOUT_MS: '100' })
  const kinds: Array<[Script, ended: string, errorType: string]> = [
    [told(thought, frame('done', {})), 'upstream_failed', 'stream_empty'],
    [told(thought, frame('done', { finishReason: 'length' })), 'length', 'length'],
    [told(thought, frame('done', { finishReason: 'content_filter' })), 'filtered', 'filtered'],
    [reply => reply.writeHead(200, { 'content-type': 'text/event-stream' }).write(thought), 'idle_timeout', 'idle_timeout']
  ]
  for (const [script, ended, errorType] of kinds) {
    service.scripts['/chat/stream'] = script
    for (const resumable of [false, true]) {
      const response = await ask(url, { prompt: 'Hi', resumable })
      t.equal(response.headers.get('x-error-type'), errorType)
      const line = await log.ended(response.headers.get('x-request-id') ?? '')
      t.match(line, { ended, errorType, error: /\w/ })
      t.strictSame([line.delivery, line.firstByteMs, line.status], [undefined, undefined, response.status])
    }
    if (ended === 'length' || ended === 'filtered') continue
    const whole = await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"messages":[{"role":"user","content":"Hi"}]}' })
    t.equal((await log.ended(whole.headers.get('x-request-id') ?? '')).firstByteMs, undefined)
  }
})

test('metrics count a refused answer as none that was delivered', async t => {
  const { url, service, log } = await pair(t, { '/chat/stream': told(thought, frame('done', {})) })
  const { headers } = await ask(url)
  await log.ended(headers.get('x-request-id') ?? '')
  const seen = await scrape(url)
  t.strictSame(seen.counted('gateway_answers_total'), { 'none text upstream_failed': 1 })
  t.equal(seen.samples.find(({ name, value }) => name === 'gateway_answers_total' && value === 1)?.labels.upstream, service.url)
  t.equal(seen.value('gateway_first_byte_seconds_count'), 0)
  t.equal(seen.value('gateway_answer_bytes_total'), 0)
})

test('so is an end without a word; only a stream without a byte is asked for again, buffered', async t => {
  const { url, service } = await pair(t, { '/chat': json(200, { output: 'again' }) })
  for (const { headers } of [accept, { headers: { accept: 'text/plain' } }]) {
    for (const nothing of [[frame('done', {})], [frame('start', {}), frame('done', { finishReason: 'stop' })], [frame('delta', { text: '' }), frame('done', {})]]) {
      service.scripts['/chat/stream'] = told(...nothing)
      const response = await ask(url, undefined, { headers })
      t.equal(response.status, 502)
      t.equal(response.headers.get('x-error-type'), 'stream_empty')
    }
  }
  t.notOk(service.requests.some(({ path }) => path === '/chat'))
  service.scripts['/chat/stream'] = told()
  t.equal(await (await ask(url)).text(), 'again')
  service.scripts['/chat/stream'] = reply => reply.writeHead(200, { 'content-type': 'text/plain; charset=iso-2022-jp' }).end('\x1b(B')
  t.equal(await (await ask(url)).text(), 'again', 'bytes that are no text are none')
})

test('an answer without a word says what it has cost, too', async t => {
  const usage = { inputTokens: 3, outputTokens: 0, reasoningTokens: 8 }
  for (const resumable of [false, true]) {
    for (const headers of [accept.headers, { accept: 'text/plain' }]) {
      for (const [path, script] of [['/chat/stream', told(thought, frame('done', { usage }))], ['/chat/stream', told(frame('done', { usage }))], ['/chat', json(200, { output: '', usage })]] as const) {
        const { url, log } = await pair(t, { [path]: script })
        const response = await ask(url, { prompt: 'Hi', resumable }, { headers })
        await response.text()
        t.match(await log.ended(), { ended: 'upstream_failed', errorType: 'stream_empty', inputTokens: 3, outputTokens: 0, reasoningTokens: 8 })
        if (resumable) await log.line(({ msg }) => msg === 'resumable answer ended')
        const counted = (await scrape(url)).counted('gateway_tokens_total')
        t.match(counted, { 'input unknown': 3, 'reasoning unknown': 8 })
      }
    }
  }
})

test('comments are no first byte, and a part is', async t => {
  const comments: Script = reply => {
    reply.writeHead(200, { 'content-type': 'text/event-stream' })
    const timer = setInterval(() => reply.write(': hb\n'), 20)
    reply.once('close', () => clearInterval(timer))
  }
  const { url } = await pair(t, { '/chat/stream': comments }, { COPILOT_FIRST_BYTE_TIMEOUT_MS: '300' })
  const response = await ask(url)
  t.equal(response.status, 504)
  t.equal(response.headers.get('x-error-type'), 'timeout')
})

test('silence before the first part is no answer in time', async t => {
  const { url } = await pair(t, { '/chat/stream': reply => reply.writeHead(200, { 'content-type': 'text/event-stream' }).write(': hb\n') }, { COPILOT_IDLE_TIMEOUT_MS: '100' })
  t.equal((await ask(url)).headers.get('x-error-type'), 'timeout')
})

test('a silence that the service reports is the one that it says, and not the gateway\'s', async t => {
  const { url } = await pair(t, { '/chat/stream': told(frame('error', { errorType: 'idle_timeout' })) })
  t.equal((await ask(url)).headers.get('x-error-type'), 'idle_timeout')
})

test('a client that leaves while the service only shows that it is alive stops it', async t => {
  const { url, service, log } = await pair(t, { '/chat/stream': reply => reply.writeHead(200, { 'content-type': 'text/event-stream' }).write(': hb\n') })
  const leave = new AbortController()
  const asked = ask(url, undefined, { signal: leave.signal })
  const { raw } = await service.request()
  leave.abort()
  await t.rejects(asked)
  if (!raw.socket.closed) await new Promise(resolve => raw.socket.once('close', resolve))
  t.match(await log.ended(), { ended: 'client_left' })
})

test('an answer without a word that ended by length is no empty one', async t => {
  const { url } = await pair(t, { '/chat': json(200, { output: '', finishReason: 'length' }) })
  t.match((await events(await ask(url, undefined, accept))).at(-1), { event: 'done', data: { reason: 'length', bytes: 0 } })
})

test('text with half of a character in it is refused', async t => {
  const { url } = await pair(t, { '/chat': json(200, { output: 'a\ud83c' }) })
  t.equal((await ask(url)).headers.get('x-error-type'), 'bad_reply')
})
