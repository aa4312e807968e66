import Fastify from 'fastify'
import { type Test, test } from 'tap'
import Type from 'typebox'
import errors from '../../plugins/errors.ts'
import exchange from '../../plugins/exchange.ts'
import validation from '../../plugins/validation.ts'
import { ask, json, pair } from '../helper.ts'

interface Refusal { error: string, errorType: string, requestId: string, retryable: boolean, issues: Array<{ path: string, message: string }> }

/** A gateway in front of an upstream that answers with the length of what it is asked, in code points. */
async function start (t: Test) {
  const { url, service } = await pair(t, { '/chat': json(200, { output: 'fine' }) })
  return {
    service,
    accepts: async (body: unknown, name = 'a request') => {
      const response = await ask(url, body)
      t.equal(response.status, 200, name)
      await response.text()
    },
    refuses: async (body: unknown, issues: Refusal['issues'], name = 'a request') => {
      const asked = service.requests.length
      const response = await ask(url, undefined, { body: typeof body === 'string' ? body : JSON.stringify(body), headers: { 'x-request-id': 'bad.1' } })
      t.equal(response.status, 400, name)
      t.match(Object.fromEntries(response.headers), { 'content-type': 'application/json; charset=utf-8', 'x-error-type': 'invalid_request', 'x-request-id': 'bad.1' })
      t.strictSame(await response.json(), { error: 'Invalid request', errorType: 'invalid_request', requestId: 'bad.1', retryable: false, issues })
      t.equal(service.requests.length, asked, 'the upstream is not asked')
    }
  }
}

test('a prompt has 1 to 20,000 characters once it is trimmed, whatever their code units', async t => {
  const { accepts, refuses } = await start(t)
  await accepts({ prompt: 'x'.repeat(20_000) }, '20,000')
  await accepts({ prompt: '🌍'.repeat(20_000) }, '20,000 of two code units')
  await accepts({ prompt: `  \n${'x'.repeat(20_000)}\t ` }, '20,000 with white space around')
  for (const prompt of ['x'.repeat(20_001), '🌍'.repeat(20_001)]) await refuses({ prompt }, [{ path: 'prompt', message: 'must NOT have more than 20000 characters' }])
  for (const prompt of ['', '   ', '\n\t\u00a0']) await refuses({ prompt }, [{ path: 'prompt', message: 'must NOT have fewer than 1 characters' }])
  await refuses({}, [{ path: 'prompt', message: 'is required' }])
})

test('strings are trimmed before they are sent on', async t => {
  const { accepts, service } = await start(t)
  await accepts({ prompt: ' Hi ', model: ' gpt-x\n' })
  t.match(service.requests[1]?.json, { prompt: 'Hi', mode: 'explain-only', model: 'gpt-x' })
})

test('model and sessionId have their limits', async t => {
  const { accepts, refuses } = await start(t)
  await accepts({ prompt: 'Hi', model: 'x'.repeat(120), sessionId: 'x'.repeat(200) })
  await refuses({ prompt: 'Hi', model: 'x'.repeat(121), sessionId: 'x'.repeat(201) }, [
    { path: 'model', message: 'must NOT have more than 120 characters' },
    { path: 'sessionId', message: 'must NOT have more than 200 characters' }
  ])
  await refuses({ prompt: 'Hi', model: ' ', sessionId: '' }, [
    { path: 'model', message: 'must NOT have fewer than 1 characters' },
    { path: 'sessionId', message: 'must NOT have fewer than 1 characters' }
  ])
})

test('a mode is one of two', async t => {
  const { accepts, refuses } = await start(t)
  await accepts({ prompt: 'Hi', mode: 'explain-only' })
  await accepts({ prompt: 'Hi', mode: 'project-helper' })
  for (const mode of ['root', '', 'EXPLAIN-ONLY', 7, null]) await refuses({ prompt: 'Hi', mode }, [{ path: 'mode', message: 'must be one of explain-only, project-helper' }], String(mode))
})

test('messages are bounded by the body alone, and empty ones are no mistake', async t => {
  const { accepts, refuses } = await start(t)
  const message = { role: 'user', content: 'x' }
  await accepts({ prompt: 'Hi', messages: Array(2_000).fill(message) })
  await accepts({ prompt: 'Hi', messages: [{ role: 'assistant', content: '🌍'.repeat(200_000) }, { role: 'assistant', content: '' }] })
  await accepts({ prompt: 'Hi', messages: [] })
  await refuses({ prompt: 'Hi', messages: [message, { role: 'system', content: 'x' }] }, [{ path: 'messages.1.role', message: 'must be one of user, assistant' }])
  await refuses({ prompt: 'Hi', messages: [{ role: 'user' }, { content: 'x' }, 'x'] }, [
    { path: 'messages.0.content', message: 'is required' },
    { path: 'messages.1.role', message: 'is required' },
    { path: 'messages.2', message: 'must be object' }
  ])
  await refuses({ prompt: 'Hi', effort: 'most' }, [{ path: 'effort', message: 'must be one of low, medium, high' }])
})

test('a question may have some files, each with a name', async t => {
  const { accepts, refuses } = await start(t)
  const file = { name: 'a.ts', content: 'x' }
  await accepts({ prompt: 'Hi', files: Array(20).fill(file) })
  await accepts({ prompt: 'Hi', files: [{ name: ' a ', content: '' }] })
  await refuses({ prompt: 'Hi', files: Array(21).fill(file) }, [{ path: 'files', message: 'must NOT have more than 20 items' }])
  await refuses({ prompt: 'Hi', files: [{ name: '', content: 'x' }, { name: 'a' }, { name: 'x'.repeat(201), content: 'x' }] }, [
    { path: 'files.0.name', message: 'must NOT have fewer than 1 characters' },
    { path: 'files.1.content', message: 'is required' },
    { path: 'files.2.name', message: 'must NOT have more than 200 characters' }
  ])
})

test('nothing is taken for something else', async t => {
  const { refuses } = await start(t)
  for (const prompt of [7, true, null, ['Hi'], { text: 'Hi' }]) await refuses({ prompt }, [{ path: 'prompt', message: 'must be string' }], JSON.stringify(prompt))
  await refuses({ prompt: 'Hi', model: 7, sessionId: 7, messages: {} }, [
    { path: 'model', message: 'must be string' },
    { path: 'sessionId', message: 'must be string' },
    { path: 'messages', message: 'must be array' }
  ])
  for (const body of ['[]', '"Hi"', '7', 'null', 'true']) await refuses(body, [{ path: '', message: 'must be object' }], body)
})

test('unknown fields are ignored', async t => {
  const { accepts, service } = await start(t)
  await accepts({ prompt: 'Hi', temperature: 2, messages: [{ role: 'user', content: 'x', id: 7 }] })
  t.strictSame(Object.keys(service.requests[1]?.json ?? {}), ['prompt', 'mode', 'conversation'])
})

test('what is no JSON, or tries to change what objects are, is refused', async t => {
  const { refuses } = await start(t)
  for (const body of ['', '{', '{"prompt":"Hi"', '{"prompt":"Hi"}}', '{\'prompt\':\'Hi\'}', 'prompt=Hi', '\u0000', '{"prompt":"Hi","__proto__":{"admin":true}}', '{"prompt":"Hi","messages":[{"__proto__":{}}]}', '{"prompt":"Hi","constructor":{"prototype":{}}}']) {
    await refuses(body, [{ path: '', message: 'the body must be JSON, without __proto__ or constructor keys' }], JSON.stringify(body))
  }
})

test('a validation error is JSON, whatever was asked for', async t => {
  const { url } = await pair(t, {})
  for (const accept of ['text/plain', '*/*', 'application/json']) t.match((await ask(url, {}, { headers: { accept } })).headers.get('content-type'), 'application/json')
})

test('half a million bad items are answered with a bounded number of issues', async t => {
  const { url } = await pair(t, {})
  const response = await ask(url, undefined, { body: `{"prompt":"Hi","messages":[${'1,'.repeat(500_000)}1]}` })
  t.equal(response.status, 400)
  t.equal((await response.json() as Refusal).issues.length, 20)
})

test('a broken rule outside of the body is named with the part of the request that it is in', async t => {
  const app = Fastify()
  await app.register(exchange)
  await app.register(errors)
  await app.register(validation)
  app.get('/list', { schema: { querystring: Type.Object({ offset: Type.String(), limit: Type.Integer() }) } }, async () => 'fine')
  const response = await app.inject('/list?limit=2')
  t.equal(response.statusCode, 400)
  t.strictSame(response.json().issues, [{ path: 'querystring.offset', message: 'is required' }, { path: 'querystring.limit', message: 'must be integer' }])
})
