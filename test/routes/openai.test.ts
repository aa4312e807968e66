import type { ServerResponse } from 'node:http'
import Fastify from 'fastify'
import { test } from 'tap'
import gateway from '../../app.ts'
import { serverOptions } from '../../lib/server-options.ts'
import { json, pair, type Script, streams, upstream } from '../helper.ts'
import { scrape } from '../scrape.ts'
import { parse } from '../lib/protocols/telling.ts'

const question = { model: 'm', messages: [{ role: 'user', content: 'Hello' }] }

/** Asks for a completion. */
async function complete (url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return await fetch(`${url}/v1/chat/completions`, { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json', ...headers } })
}

test('an answer is one completion', async t => {
  const { url, service, log } = await pair(t, { '/chat/stream': streams('Grüße', '!') })
  const response = await complete(url, question, { 'x-request-id': 'r1' })
  t.equal(response.status, 200)
  t.match(Object.fromEntries(response.headers), { 'content-type': 'application/json; charset=utf-8', 'x-copilot-delivery': 'stream', 'x-request-id': 'r1' })
  t.match(await response.json(), {
    id: 'chatcmpl-r1',
    object: 'chat.completion',
    model: 'm',
    created: Number,
    choices: [{ index: 0, message: { role: 'assistant', content: 'Grüße!' }, finish_reason: 'stop' }]
  })
  t.match(service.asked()[0]?.json, { prompt: 'Hello', model: 'm' })
  t.match(await log.ended('r1'), { ended: 'complete', route: '/v1/chat/completions' })
})

test('with stream: true it is chunks, whatever Accept says', async t => {
  const { url } = await pair(t, { '/chat/stream': streams('Hel', 'lo') })
  const response = await complete(url, { ...question, stream: true, stream_options: { include_usage: true } }, { accept: 'application/json' })
  t.match(response.headers.get('content-type'), 'text/event-stream')
  const told = parse(await response.text()).map(({ data }) => data)
  t.match(told[0], { object: 'chat.completion.chunk', model: 'm', choices: [{ index: 0, delta: { role: 'assistant' }, finish_reason: null }] })
  t.match(told.at(-2), { choices: [{ delta: {}, finish_reason: 'stop' }] })
  t.equal(told.at(-1), '[DONE]')
})

test('instructions and earlier turns are asked with the question', async t => {
  const { url, service } = await pair(t, { '/chat/stream': streams('x') })
  await complete(url, {
    messages: [
      { role: 'system', content: 'Be brief.' }, { role: 'developer', content: [{ type: 'text', text: 'In ' }, { type: 'text', text: 'German.' }] },
      { role: 'user', content: 'One' }, { role: 'assistant', content: '' }, { role: 'assistant', content: null, tool_calls: [] }, { role: 'assistant', content: 'Eins' }, { role: 'user', content: [{ type: 'text', text: ' Two ' }] }
    ]
  })
  t.equal(service.asked()[0]?.json.prompt, [
    'Be brief.', 'In German.', 'Continue the conversation below and answer the latest user message.', 'User: One', 'Assistant: Eins', 'User (latest): Two'
  ].join('\n\n'))
  await complete(url, { messages: [{ role: 'system', content: 'Be brief.' }, { role: 'user', content: 'Hi' }] })
  t.equal(service.asked()[1]?.json.prompt, 'Be brief.\n\nHi')
})

test('a model that has no name is none, and the service chooses', async t => {
  const { url, service } = await pair(t, { '/chat/stream': streams('x') })
  for (const model of [null, ' ']) await complete(url, { ...question, model })
  t.strictSame(service.asked().map(({ json }) => json.model), [undefined, undefined])
})

test('parameters that only tune are ignored, by name', async t => {
  const { url } = await pair(t, { '/chat/stream': streams('x') })
  const response = await complete(url, {
    ...question,
    temperature: 0,
    top_p: 1,
    max_tokens: 5,
    stop: ['x'],
    seed: 1,
    user: 'me',
    reasoning_effort: 'minimal',
    'bad\r\nname': 1,
    tools: [],
    functions: null,
    tool_choice: 'none',
    function_call: 'none',
    response_format: { type: 'text' },
    n: 1,
    logprobs: false,
    top_logprobs: 0,
    modalities: ['text'],
    metadata: null
  })
  t.equal(response.status, 200)
  t.equal(response.headers.get('x-ignored-parameters'), 'temperature, top_p, max_tokens, stop, seed, user, reasoning_effort')
  t.equal((await complete(url, { ...question, reasoning_effort: 'low' })).headers.get('x-ignored-parameters'), null)
})

test('what tunes the model goes to the service, and what that honours is not named', async t => {
  const honours = 'x-honoured-parameters'
  const { url, service } = await pair(t, { '/chat/stream': reply => reply.writeHead(200, { 'content-type': 'text/plain', [honours]: 'temperature, stop,max_tokens, seed' }).end('x') })
  const tuned = { ...question, temperature: 0.5, top_p: 0.9, max_completion_tokens: 5, stop: 'end' }
  const named = async (body: object, headers = {}) => (await complete(url, body, headers)).headers.get('x-ignored-parameters')
  t.equal(await named({ ...tuned, user: 'me' }), 'top_p, user')
  t.strictSame(service.asked()[0]?.json.tuning, { temperature: 0.5, top_p: 0.9, max_tokens: 5, stop: ['end'] })
  t.equal(await named({ ...question, temperature: 0, max_tokens: 1, stop: ['a', 'b'], seed: -1 }), null)
  t.equal(await named(question), null)
  t.equal(await named(tuned, { 'idempotency-key': 'k' }), 'top_p', 'of a recorded answer as well')
  t.equal(await named({ ...tuned, temperature: 2.1, max_completion_tokens: 1.5, stop: ['', 7], seed: '1', top_p: null }), 'temperature, max_completion_tokens, stop, seed', 'a value that means nothing is not passed on')
  t.equal(service.asked().at(-1)?.json.tuning, undefined)

  delete service.scripts['/chat/stream']
  service.scripts['/chat'] = json(200, { output: 'x' }, { [honours]: 'top_p' })
  t.equal(await named(tuned), 'temperature, max_completion_tokens, stop', 'nor is a buffered answer another case')
  service.scripts['/chat'] = json(500, {})
  t.equal(await named(tuned), 'temperature, top_p, max_completion_tokens, stop')
})

const refused: Array<[Record<string, unknown>, string]> = [
  [{ tools: [{ type: 'function' }] }, 'tools'],
  [{ functions: [{}] }, 'functions'],
  [{ tool_choice: 'auto' }, 'tool_choice'],
  [{ function_call: 'auto' }, 'function_call'],
  [{ response_format: { type: 'json_object' } }, 'response_format'],
  [{ n: 2 }, 'n'],
  [{ logprobs: true }, 'logprobs'],
  [{ top_logprobs: 1 }, 'top_logprobs'],
  [{ modalities: ['audio'] }, 'modalities'],
  [{ audio: {} }, 'audio'],
  [{ web_search_options: {} }, 'web_search_options'],
  [{ messages: [] }, 'messages'],
  [{ messages: 'x' }, 'messages'],
  [{ messages: [{ role: 'tool', content: 'x' }] }, 'messages.0.role'],
  [{ messages: [{ role: 'assistant', tool_calls: [{}] }] }, 'messages.0.tool_calls'],
  [{ messages: [{ role: 'user', content: [{ type: 'image_url', image_url: {} }] }] }, 'messages.0.content.0'],
  [{ messages: [{ role: 'user', content: 5 }] }, 'messages.0.content'],
  [{ messages: [{ role: 'user', content: 'x' }, { role: 'assistant', content: 'y' }] }, 'messages'],
  [{ messages: [{ role: 'user', content: ' ' }] }, 'messages'],
  [{ messages: [{ role: 'user', content: 'x' }, { role: 'user', content: '' }] }, 'messages'],
  [{ messages: [{ role: 'user', content: { type: 'text', text: 'x' } }] }, 'messages.0.content'],
  [{ messages: [{ role: 'user', content: [{ type: 'input_audio', input_audio: {} }] }] }, 'messages.0.content.0'],
  [{ n: 0 }, 'n'],
  [{ stream_options: [] }, 'stream_options'],
  [{ response_format: {} }, 'response_format'],
  [{ reasoning_effort: 5 }, 'reasoning_effort'],
  [{ messages: [{ role: 'user', content: 'x'.repeat(20_001) }] }, 'messages.0.content'],
  [{ messages: [{ role: 'user', content: [null] }] }, 'messages.0.content.0'],
  [{ stream: 'yes' }, 'stream']
]
for (const [body, param] of refused) {
  test(`${JSON.stringify(body).slice(0, 70)} is refused by name`, async t => {
    const { url, service } = await pair(t, { '/chat/stream': streams('x') })
    const response = await complete(url, { ...question, ...body })
    t.equal(response.status, 400)
    t.equal(response.headers.get('x-should-retry'), null)
    t.match(await response.json(), { error: { type: 'invalid_request_error', code: 'invalid_request', param, message: new RegExp(`^Invalid request: ${param}: (?!${param})`) } })
    t.equal(service.requests.length, 0)
  })
}

const failures: Array<[string, Script, number, string, string | null]> = [
  ['an error of the service', json(500, { error: 'broken', errorType: 'sdk' }), 500, 'server_error', 'false'],
  ['a wait of the service', json(429, { error: 'slow down' }, { 'retry-after': '7' }), 429, 'rate_limit_error', null],
  ['a limit by another status', json(500, { error: 'slow down', errorType: 'rate_limited' }), 429, 'rate_limit_error', null],
  ['a service with too much to do', json(503, { error: 'busy', errorType: 'too_many_streams' }), 503, 'server_error', null],
  ['a service without a token', json(401, { error: 'expired', errorType: 'auth' }), 401, 'authentication_error', 'false']
]
for (const [name, script, status, type, again] of failures) {
  test(`${name} is an error in OpenAI's form, with what is known of asking again`, async t => {
    const { url } = await pair(t, { '/chat/stream': script })
    for (const stream of [true, false]) {
      const response = await complete(url, { ...question, stream })
      t.equal(response.status, status)
      t.equal(response.headers.get('x-should-retry'), again)
      t.match(await response.json(), { error: { type, message: String, code: String, param: null } })
    }
  })
}

const event = (name: string, data: unknown): string => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`
const told = (...events: string[]): Script => reply => reply.writeHead(200, { 'content-type': 'text/event-stream' }).end(events.join(''))
const beginnings: Array<[string, string[], string | null]> = [
  ['nothing', [], null],
  ['text', [event('delta', { text: 'half' })], 'false'],
  ['a thought', [event('reasoning', { text: 'Hm.' })], 'false'],
  ['a tool', [event('tool', { id: '1', name: 'x', state: 'running' })], 'false']
]
for (const [name, beginning, again] of beginnings) {
  test(`a service that refuses to go on behind ${name} ${again ? 'has worked' : 'may be asked again'}`, async t => {
    const { url, service } = await pair(t, {})
    for (const [errorType, status] of [['rate_limited', 429], ['overloaded', 503], ['draining', 503], ['too_many_streams', 429]] as const) {
      service.scripts['/chat/stream'] = told(...beginning, event('error', { errorType, status, message: 'slow down' }))
      for (const key of ['', errorType]) {
        const response = await complete(url, question, key ? { 'idempotency-key': key } : {})
        t.equal(response.status, errorType === 'rate_limited' ? 429 : 503)
        t.equal(response.headers.get('x-should-retry'), again, errorType)
      }
    }
  })
}

test('a service that answered nothing, and then refused the second question, has worked', async t => {
  const { url, service } = await pair(t, { '/chat/stream': reply => reply.writeHead(200, { 'content-type': 'text/plain' }).end() })
  for (const [status, key] of [[429, ''], [503, ''], [429, 'k']] as const) {
    service.scripts['/chat'] = json(status, { error: 'slow down', errorType: 'overloaded' })
    for (const stream of [true, false]) {
      const response = await complete(url, { ...question, stream }, key ? { 'idempotency-key': key } : {})
      t.equal(response.status, 503)
      t.equal(response.headers.get('x-should-retry'), 'false')
    }
  }
})

test('the gateway\'s own refusal of a question is none of the service, with a key or without', async t => {
  const { url, service } = await pair(t, { '/chat/stream': reply => reply.writeHead(200, { 'content-type': 'text/plain' }).write('x') }, { MAX_STREAMS: '1' })
  await complete(url, { ...question, stream: true })
  for (const key of ['', 'k']) {
    const response = await complete(url, question, key ? { 'idempotency-key': key } : {})
    t.equal(response.status, 503)
    t.equal(response.headers.get('x-error-type'), 'overloaded')
    t.equal(response.headers.get('x-should-retry'), null)
  }
  t.equal(service.asked().length, 1)
})

test('a service that was never reached may be asked again', async t => {
  const { url } = await pair(t, {}, { COPILOT_SERVICE_URL: 'http://127.0.0.1:1' })
  const response = await complete(url, question)
  t.equal(response.status, 503)
  t.equal(response.headers.get('x-should-retry'), null)
  t.match(await response.json(), { error: { type: 'server_error', code: 'connection' } })
})

test('a failure in the middle is an error in the stream, and a cut; as one object it has a status', async t => {
  const half: Script = reply => reply.writeHead(200, { 'content-type': 'text/plain' }).write('half', () => reply.destroy())
  const { url, log } = await pair(t, { '/chat/stream': half })
  const response = await complete(url, { ...question, stream: true, stream_options: {} }, { 'x-request-id': 'r1' })
  let wire = ''
  await t.rejects((async () => { for await (const chunk of response.body ?? []) wire += Buffer.from(chunk).toString() })())
  t.match(parse(wire).at(-1), { data: { error: { type: 'server_error', code: 'connection', param: null } } })
  t.notMatch(wire, 'DONE')
  t.match(await log.ended('r1'), { ended: 'upstream_failed', errorType: 'connection' })

  const whole = await complete(url, question)
  t.equal(whole.status, 503)
  t.equal(whole.headers.get('x-should-retry'), 'false')
})

test('whatever is no answer has OpenAI\'s form below /v1', async t => {
  const { url } = await pair(t, { '/models': json(200, { models: [{ id: 'a', name: 'A' }, { id: 'b/c' }] }) }, { AUTH_MODE: 'api-key', API_KEYS: 'ann:ann-key' })
  const get = async (path: string, key = 'ann-key'): Promise<Response> => await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${key}` } })
  for (const path of ['/v1', '/v1/nothing', '/v1/models/none', '/v1?x']) {
    const response = await get(path)
    t.equal(response.status, 404, path)
    t.match(await response.json(), { error: { type: 'invalid_request_error', code: 'not_found', param: null } })
  }
  const closed = await get('/v1/models', 'wrong')
  t.equal(closed.status, 401)
  t.match(await closed.json(), { error: { type: 'authentication_error', code: 'unauthenticated' } })
  t.strictSame(await (await get('/v1/models')).json(), { object: 'list', data: [{ id: 'a', object: 'model', created: 0, owned_by: 'copilot' }, { id: 'b/c', object: 'model', created: 0, owned_by: 'copilot' }] })
  t.strictSame(await (await get('/v1/models/b%2Fc')).json(), { id: 'b/c', object: 'model', created: 0, owned_by: 'copilot' })
  t.equal(await (await get('/v2/x')).text(), 'Error: Not found')
  const form = await fetch(`${url}/v1/chat/completions`, { method: 'POST', body: 'x', headers: { authorization: 'Bearer ann-key' } })
  t.equal(form.status, 415)
})

test('a body that is none has the form of OpenAI, too', async t => {
  const { url } = await pair(t, {}, { BODY_LIMIT_BYTES: '1024' })
  for (const [body, status] of [['{', 400], ['null', 400], [`"${'x'.repeat(2_000)}"`, 413]] as const) {
    const response = await fetch(`${url}/v1/chat/completions`, { method: 'POST', body, headers: { 'content-type': 'application/json' } })
    t.equal(response.status, status)
    t.match(await response.json(), { error: { type: 'invalid_request_error', code: 'invalid_request', param: null } })
  }
})

test('the heartbeat of a slow model commits to 200: what fails then is told in the stream', async t => {
  let reply: ServerResponse | undefined
  const { url, log, service } = await pair(t, { '/chat/stream': asked => { reply = asked } }, { SSE_HEARTBEAT_MS: '10' })
  const response = await complete(url, { ...question, stream: true }, { 'x-request-id': 'r1' })
  t.equal(response.status, 200)
  t.equal(response.headers.get('x-should-retry'), null)
  await service.request()
  reply?.writeHead(429, { 'content-type': 'application/json' }).end('{"error":"slow down"}')
  let wire = ''
  await t.rejects((async () => { for await (const chunk of response.body ?? []) wire += Buffer.from(chunk).toString() })())
  t.match(wire, /^: keep-alive\n/)
  t.match(parse(wire), [{ data: { error: { code: 'rate_limited', type: 'rate_limit_error' } } }])
  t.match(await log.ended('r1'), { level: 40, ended: 'upstream_failed', errorType: 'rate_limited' }, 'the cut is the failure, and not a client that left')
  const counted = Object.keys((await scrape(url)).counted('gateway_answers_total'))
  t.ok(counted.length === 1 && counted[0]?.includes('upstream_failed'), String(counted))
})

test('in another application it is below the prefix of that', async t => {
  const service = await upstream(t, { '/chat/stream': streams('Hi') })
  const app = Fastify(serverOptions({}))
  t.teardown(() => app.close())
  await app.register(gateway, { prefix: '/ai', page: false, environment: { LOG_LEVEL: 'silent' }, settings: { COPILOT_SERVICE_URL: service.url } })
  const url = `${await app.listen({ port: 0, host: '127.0.0.1' })}/ai`
  t.match(await (await complete(url, question)).json(), { choices: [{ message: { content: 'Hi' } }] })
  t.match(await (await complete(url, { ...question, n: 2 })).json(), { error: { param: 'n' } })
  t.match(await (await fetch(`${url}/v1/nothing`)).json(), { error: { code: 'not_found' } })
})
