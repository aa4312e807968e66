import { request as httpRequest } from 'node:http'
import { json } from 'node:stream/consumers'
import { once } from 'node:events'
import { test } from 'tap'
import { CopilotError } from '../../copilot/copilot-error.ts'
import { post, scriptedEngine, service } from './helper.ts'

test('a request that breaks a rule is refused as JSON', async t => {
  const { url } = await service(t)
  const refused = async (status: number, body: string, type = 'application/json') => {
    for (const path of ['/chat', '/chat/stream']) {
      const response = await fetch(url + path, { method: 'POST', headers: { 'content-type': type }, body })
      t.equal(response.status, status, `${path} ${body.slice(0, 40)}`)
      t.match(await response.json(), { error: /^Invalid request: ./, errorType: 'invalid_request' })
    }
  }
  await refused(400, '{"prompt"')
  await refused(400, '')
  await refused(400, '[]')
  await refused(400, '{}')
  await refused(400, '{"prompt":""}')
  await refused(400, JSON.stringify({ prompt: 'x'.repeat(2_000_001) }))
  await refused(400, '{"prompt":"Hi","mode":"destroy"}')
  await refused(400, '{"prompt":"Hi","model":""}')
  await refused(400, JSON.stringify({ prompt: 'Hi', model: 'm'.repeat(121) }))
  await refused(400, '{"prompt":"Hi","__proto__":{"mode":"x"}}')
  await refused(413, JSON.stringify({ prompt: 'x'.repeat(16 * 1024 * 1024) }))
  await refused(415, 'prompt=Hi', 'application/x-www-form-urlencoded')
})

test('an unknown route is not found', async t => {
  const { url } = await service(t)
  const response = await fetch(`${url}/nothing`)
  t.equal(response.status, 404)
  t.same(await response.json(), { error: 'Not found', errorType: 'not_found' })
  t.equal((await fetch(`${url}/chat`)).status, 404, 'nor is a known one by another method')
})

test('a URL that cannot be decoded is refused as JSON', async t => {
  const { port } = await service(t)
  const request = httpRequest({ port, path: '/%zz', headers: { 'x-request-id': 'bad-url' } }).end()
  const [response] = await once(request, 'response')
  t.equal(response.statusCode, 400)
  t.equal(response.headers['x-request-id'], 'bad-url')
  t.match(await json(response), { errorType: 'invalid_request' })
})

test('the longest prompt gets through', async t => {
  const { url } = await service(t, { engine: scriptedEngine(async function * ({ prompt }) { yield String(prompt.length) }) })
  t.same(await (await post(`${url}/chat`, { prompt: 'ü'.repeat(2_000_000) })).json(), { output: '2000000', finishReason: 'stop' })
})

test('an engine’s error keeps its type, with the status that belongs to it', async t => {
  const statuses = { token_missing: 503, auth: 401, rate_limited: 429, spawn: 500, sdk: 500, unknown: 500 } as const
  for (const [errorType, status] of Object.entries(statuses) as Array<[keyof typeof statuses, number]>) {
    const { url } = await service(t, {
      engine: scriptedEngine(async function * () { throw new CopilotError(errorType, 'what happened') })
    })
    for (const path of ['/chat', '/chat/stream']) {
      const response = await post(url + path, { prompt: 'Hi' })
      t.equal(response.status, status, `${path} ${errorType}`)
      t.match(response.headers.get('content-type'), 'application/json')
      t.same(await response.json(), { error: 'what happened', errorType })
    }
  }
})

test('a bug is reported without its words', async t => {
  const { url } = await service(t, { engine: scriptedEngine(() => { throw new TypeError('/secret/path is not a function') }) })
  const response = await post(`${url}/chat/stream`, { prompt: 'Hi' })
  t.equal(response.status, 500)
  t.same(await response.json(), { error: 'The Copilot service failed unexpectedly', errorType: 'unknown' })
})
