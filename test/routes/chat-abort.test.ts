import { once } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import { test } from 'tap'
import { ask, closeOf, json, pair, type Script, streams } from '../helper.ts'

const phases: Array<[string, Record<string, Script>, string]> = [
  ['before the upstream has answered', { '/chat/stream': () => {} }, '/chat/stream'],
  ['between the upstream\'s headers and its first byte', { '/chat/stream': reply => reply.writeHead(200).flushHeaders() }, '/chat/stream'],
  ['mid-stream, while the upstream is silent', { '/chat/stream': reply => reply.writeHead(200).write('first') }, '/chat/stream'],
  ['during the fallback', { '/chat/stream': json(404, {}), '/chat': () => {} }, '/chat'],
  ['in the middle of the fallback\'s reply', { '/chat/stream': json(404, {}), '/chat': reply => reply.writeHead(200).write('{"output":') }, '/chat'],
  ['while an error is read', { '/chat/stream': reply => reply.writeHead(500).write('{"error":') }, '/chat/stream']
]

for (const [phase, scripts, path] of phases) {
  test(`a client that leaves ${phase} aborts the upstream`, async t => {
    const { url, service, log } = await pair(t, scripts, { DEMO_PAGE: 'off' })
    const leaving = new AbortController()
    const asked = ask(url, undefined, { signal: leaving.signal }).then(async response => await response.text())

    const request = await service.request(path === '/chat' ? 1 : 0)
    t.equal(request.path, path)
    const closed = closeOf(request.raw.socket)
    leaving.abort()

    await t.rejects(asked, { name: 'AbortError' })
    await closed
    const { ended, errorType } = await log.ended()
    t.strictSame([ended, errorType], ['client_left', undefined])
    t.notOk(log.lines.some(({ level }) => level > 30), 'nothing to worry about in the log')
  })
}

test('a client that leaves mid-stream is seen, however fast the upstream is', async t => {
  const endless: Script = reply => {
    reply.writeHead(200)
    const write = (): void => { while (!reply.destroyed && reply.write('x'.repeat(1000))); }
    reply.on('drain', write)
    write()
  }
  const { url, service, log } = await pair(t, { '/chat/stream': endless })
  const leaving = new AbortController()
  const response = await ask(url, undefined, { signal: leaving.signal })
  const request = await service.request()
  const closed = closeOf(request.raw.socket)
  await response.body?.getReader().read()
  leaving.abort()
  await closed
  t.match(await log.ended(), { ended: 'client_left', delivery: 'stream' })
})

test('after 500 clients that left, nothing is left over', async t => {
  const { app, url, service, log } = await pair(t, {
    '/chat/stream': (reply, { json: { prompt } }) => {
      if (prompt === 'warm up') return streams('ready')(reply, service.requests[0]!)
      // A third never gets headers, a third headers, a third a chunk: they leave from every phase.
      const phase = Number(prompt) % 3
      if (phase > 0) reply.writeHead(200).flushHeaders()
      if (phase > 1) reply.write('chunk')
    }
  }, { MAX_STREAMS_PER_CALLER: '50', RATE_LIMIT_MAX: '0' })
  await (await ask(url, { prompt: 'warm up' })).text()
  const timers = countOf('Timeout')

  for (let batch = 0; batch < 10; batch++) {
    await Promise.all(Array.from({ length: 50 }, async (_, index) => {
      const leaving = new AbortController()
      const number = batch * 50 + index
      const asked = ask(url, { prompt: String(number + 1) }, { signal: leaving.signal, headers: { 'x-request-id': `n${number}` } })
        .then(async response => await response.text())
      while (!service.requests.some(({ headers }) => headers['x-request-id'] === `n${number}`)) await once(service, 'request')
      const request = service.requests.find(({ headers }) => headers['x-request-id'] === `n${number}`)
      const closed = closeOf(request!.raw.socket)
      leaving.abort()
      await asked.catch(() => {})
      await closed
      await log.ended(`n${number}`)
    }))
  }

  t.equal(app.lifecycle.inFlight, 0)
  t.equal(app.slots.taken, 0)
  // What is closed at one end of a socket is closed at the other a moment later; the kept-alive one of the first request may stay.
  while (app.copilot.sockets.running > 0 || app.copilot.sockets.connected > 1 || await service.connections() > 1) await setImmediate()
  t.ok(countOf('Timeout') <= timers + 5, `${countOf('Timeout')} timers, ${timers} before`)
})

/** How many resources of a kind keep this process busy. */
function countOf (kind: string): number {
  return process.getActiveResourcesInfo().filter(name => name === kind).length
}
