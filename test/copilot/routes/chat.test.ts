import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { test } from 'tap'
import { CopilotError } from '../../../copilot/copilot-error.ts'
import type { AnswerRequest } from '../../../copilot/engines/engine.ts'
import { deferred, pieces, post, readUntil, scriptedEngine, service } from '../helper.ts'

const paths = ['/chat/stream', '/chat']

test('a streamed answer arrives piece by piece', async t => {
  const more = deferred<void>()
  const { url } = await service(t, {
    engine: scriptedEngine(async function * () {
      yield 'ün'
      await more.promise
      yield 'zwei 🌍'
    })
  })
  const response = await post(`${url}/chat/stream`, { prompt: 'Hi' })
  t.equal(response.status, 200)
  t.match(Object.fromEntries(response.headers), {
    'content-type': 'text/plain; charset=utf-8',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
    'x-content-type-options': 'nosniff'
  })
  const answer = pieces(response)
  t.equal(await readUntil(answer, 'ün'), 'ün')
  more.resolve()
  t.equal(await readUntil(answer, '🌍'), 'zwei 🌍')
  t.equal((await answer.next()).done, true)
})

test('a buffered answer is the whole text', async t => {
  const { url } = await service(t, { engine: scriptedEngine(async function * () { yield 'ün'; yield 'zwei 🌍' }) })
  const response = await post(`${url}/chat`, { prompt: 'Hi' })
  t.equal(response.status, 200)
  t.match(response.headers.get('content-type'), 'application/json')
  t.same(await response.json(), { output: 'ünzwei 🌍', finishReason: 'stop' })
})

test('an answer without a piece is empty, and no error', async t => {
  const { url } = await service(t, { engine: scriptedEngine(async function * () {}) })
  const streamed = await post(`${url}/chat/stream`, { prompt: 'Hi' })
  t.equal(streamed.status, 200)
  t.equal(await streamed.text(), '')
  t.same(await (await post(`${url}/chat`, { prompt: 'Hi' })).json(), { output: '', finishReason: 'stop' })
})

test('the engine gets what was asked for, and explain-only when no mode was', async t => {
  const asked: AnswerRequest[] = []
  const { url } = await service(t, { engine: scriptedEngine(async function * (request) { asked.push(request) }) })
  for (const path of paths) {
    await post(url + path, { prompt: 'Hi' })
    await post(url + path, { prompt: 'Hi', mode: 'project-helper', model: 'm', other: 1 })
  }
  const expected = [{ prompt: 'Hi', mode: 'explain-only' }, { prompt: 'Hi', mode: 'project-helper', model: 'm' }]
  t.match(asked, [...expected, ...expected])
})

test('an answer that fails after its first piece never looks complete', async t => {
  const fail = deferred<void>()
  const { url } = await service(t, {
    engine: scriptedEngine(async function * () {
      yield 'half an ans'
      await fail.promise
      throw new CopilotError('sdk', 'gone')
    })
  })
  const response = await post(`${url}/chat/stream`, { prompt: 'Hi' })
  const answer = pieces(response)
  t.equal(await readUntil(answer, 'half an ans'), 'half an ans')
  fail.resolve()
  await t.rejects(answer.next())
})

test('a caller who leaves before the first piece stops the engine', async t => {
  for (const path of paths) {
    const asked = deferred<AbortSignal>()
    const stopped = deferred<void>()
    const { url } = await service(t, {
      engine: scriptedEngine(async function * (_request, { signal }) {
        asked.resolve(signal)
        await once(signal, 'abort')
        stopped.resolve()
      })
    })
    const caller = new AbortController()
    const response = post(url + path, { prompt: 'Hi' }, { signal: caller.signal })
    const signal = await asked.promise
    t.equal(signal.aborted, false)
    const left = t.rejects(response)
    caller.abort()
    await left
    await stopped.promise
    t.equal(signal.aborted, true, path)
  }
})

test('a caller who leaves mid-stream stops the engine, even one that nobody reads from', async t => {
  const aborted = deferred<void>()
  const { port } = await service(t, {
    engine: scriptedEngine(async function * (_request, { signal }) {
      signal.addEventListener('abort', () => aborted.resolve())
      // More than all buffers on the way hold.
      while (!signal.aborted) yield 'x'.repeat(1_000_000)
    })
  })
  const request = httpRequest({ port, method: 'POST', path: '/chat/stream', headers: { 'content-type': 'application/json' } })
  request.end('{"prompt":"Hi"}')
  const [response] = await once(request, 'response')
  response.pause()
  request.on('error', () => {})
  response.on('error', () => {})
  request.destroy()
  await aborted.promise
  t.pass('the engine was told')
})
