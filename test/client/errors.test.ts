import { test } from 'tap'
import { ChatError, createChatClient } from '../../client/index.ts'
import { json, pair } from '../helper.ts'
import { begin, failure, pieces, quick, scripted, Statuses } from './reading.ts'

const refusals: Array<[string, Record<string, string>, ReturnType<typeof json>, object]> = [
  ['a caller that is not known', { AUTH_MODE: 'api-key', API_KEYS: 'ann:ann-key' }, json(200, {}), { errorType: 'unauthenticated', status: 401, message: /^Authentication required/, retryable: false }],
  ['a limit, with the time to wait', {}, json(429, { error: 'slow down' }, { 'retry-after': '7' }), { errorType: 'rate_limited', status: 429, message: 'Copilot is rate limiting: slow down', retryable: true, retryAfter: 7 }],
  ['a service without a token', {}, json(503, { error: 'no token', errorType: 'token_missing' }), { errorType: 'token_missing', status: 503, retryable: false, retryAfter: undefined }],
  ['a failure of the service', {}, json(500, { error: 'broken', errorType: 'sdk' }), { errorType: 'sdk', status: 500, message: 'broken', retryable: false }]
]
for (const [what, environment, script, expected] of refusals) {
  test(`an error tells of ${what}`, async t => {
    const { url } = await pair(t, { '/chat/stream': script }, environment)
    const statuses = new Statuses()
    const answer = createChatClient({ baseUrl: url }).ask({ prompt: 'Hi' }, statuses)
    const error = await failure(answer)
    t.ok(error instanceof ChatError)
    t.match(error, { ...expected, name: 'ChatError', partial: '', requestId: /./ })
    t.match(answer, { status: 'error', error })
    t.strictSame(statuses.all, ['error'])
    await t.rejects(pieces(answer), error)
  })
}

test('a gateway without room says when to come back', async t => {
  const { url } = await pair(t, {}, { RESUME_MAX_BYTES: '0' })
  t.match(await failure(createChatClient({ baseUrl: url }).ask({ prompt: 'Hi', resumable: true })), { errorType: 'overloaded', status: 503, retryable: true, retryAfter: 5 })
})

test('a question that breaks a rule says which', async t => {
  const { url } = await pair(t, {})
  t.match(await failure(createChatClient({ baseUrl: url }).ask({ prompt: ' ', model: '' })), { errorType: 'invalid_request', status: 400, message: /^Invalid request: .*prompt must NOT have fewer than 1 characters/, retryable: false })
})

test('an answer that fails in the middle says why, and what there was of it', async t => {
  const { url } = await pair(t, { '/chat/stream': reply => reply.writeHead(200).write('half', () => reply.destroy()) })
  const answer = createChatClient({ baseUrl: url }).ask({ prompt: 'Hi' })
  const read: string[] = []
  await t.rejects((async () => { for await (const piece of answer) read.push(piece) })(), { message: /^The connection to Copilot service was lost/, errorType: 'connection', status: 503, retryable: true, partial: 'half' })
  t.equal(answer.error?.requestId, answer.requestId)
  t.strictSame(read, ['half'])
})

test('a gateway that cannot be reached is a network error, and the question is not sent again, but a few times under its key', async t => {
  for (const [resumable, reconnect, sent] of [[false, quick, 1], [true, quick, 4], [true, { ...quick, tries: 1 }, 2], [true, { tries: 0 }, 1]] as const) {
    const { url, requests } = await scripted(t)
    const error = await failure(createChatClient({ baseUrl: url, reconnect }).ask({ prompt: 'Hi', resumable }))
    t.match(error, { errorType: 'network', status: 0, retryable: true, cause: TypeError, requestId: undefined })
    t.equal(requests.length, sent)
    t.equal(new Set(requests.map(({ headers }) => headers['idempotency-key'])).size, 1)
    t.match(requests[0]?.headers['idempotency-key'], resumable ? /^[0-9a-f]{32}$/ : undefined)
  }
})

test('a question that was refused is not sent again; one that a proxy could not pass on is', async t => {
  const { url, requests } = await scripted(t,
    reply => reply.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Bad gateway</h1>'),
    reply => reply.writeHead(503, { 'x-error-type': 'draining' }).end('{}'))
  t.match(await failure(createChatClient({ baseUrl: url, reconnect: quick }).ask({ prompt: 'Hi', resumable: true })), { errorType: 'draining' })
  t.equal(requests.length, 2)
})

test('an answer that cannot be resumed and is cut is a network error', async t => {
  for (const cut of ['destroy', 'end'] as const) {
    const { url, requests } = await scripted(t, reply => begin(reply).write('id: 4\nevent: delta\ndata: {"text":"half"}\n\n', () => reply[cut]()))
    t.match(await failure(createChatClient({ baseUrl: url }).ask({ prompt: 'Hi' })), { errorType: 'network', message: /lost in the middle/, partial: 'half', requestId: 'r' })
    t.equal(requests.length, 1)
  }
})

test('a connection that falls silent is a network error in the end', async t => {
  const { url } = await scripted(t, reply => begin(reply).write('id: 4\nevent: delta\ndata: {"text":"half"}\n\n'))
  const client = createChatClient({ baseUrl: url, reconnect: { silence: 300 } })
  t.match(await failure(client.ask({ prompt: 'Hi' })), { errorType: 'network' })
})

test('what is not the gateway is told from it', async t => {
  const { url } = await scripted(t,
    reply => reply.writeHead(502, { 'content-type': 'text/html', 'retry-after': new Date(Date.now() + 60_000).toUTCString() }).end('<h1>Bad gateway</h1>'),
    reply => reply.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Welcome</h1>'),
    reply => reply.writeHead(204).end(),
    reply => begin(reply).end('data: {\n\n'),
    reply => reply.writeHead(431, { 'x-error-type': 'invalid_request', 'retry-after': 'soon' }).end('Error: too large'),
    reply => reply.writeHead(200).end('<h1>Welcome</h1>'),
    reply => reply.writeHead(200).end('null'))
  const client = createChatClient({ baseUrl: url })
  const next = async (): Promise<ChatError> => await failure(client.ask({ prompt: 'Hi' }))
  const proxied = await next()
  t.match(proxied, { errorType: 'bad_reply', status: 502, message: /status 502/, retryable: true })
  t.ok(proxied.retryAfter && proxied.retryAfter > 30 && proxied.retryAfter <= 60)
  t.match(await next(), { errorType: 'bad_reply', status: 200, retryable: false })
  t.match(await next(), { errorType: 'bad_reply', status: 204 })
  t.match(await next(), { errorType: 'bad_reply', message: /event/ })
  t.match(await next(), { errorType: 'invalid_request', status: 431, retryAfter: undefined })
  await t.rejects(client.models(), { message: /not the gateway/, errorType: 'bad_reply', status: 200 })
  await t.rejects(client.models(), { message: /not the gateway/, errorType: 'bad_reply', status: 200 })
  await t.rejects(client.models(), { message: /cannot be reached/, errorType: 'network' })
})

test('headers that cannot be made are a network error, or what they say they are', async t => {
  const client = (error: Error) => createChatClient({ baseUrl: 'http://127.0.0.1:9', headers: () => { throw error } })
  const offline = new TypeError('fetch failed')
  t.match(await failure(client(offline).ask({ prompt: 'Hi' })), { errorType: 'network', cause: offline })
  const signedOut = new ChatError('unauthenticated', 'Please sign in')
  t.equal(await failure(client(signedOut).ask({ prompt: 'Hi' })), signedOut)
})

test('nobody has to look at a failure', async t => {
  const unhandled: unknown[] = []
  const note = (reason: unknown): void => { unhandled.push(reason) }
  process.on('unhandledRejection', note)
  t.teardown(() => process.off('unhandledRejection', note))
  const { url } = await scripted(t)
  const client = createChatClient({ baseUrl: url })
  const statuses = new Statuses()
  const error = statuses.next('error')
  client.ask({ prompt: 'Hi' }, statuses)
  await error
  await t.rejects(pieces(client.ask({ prompt: 'Hi' })))
  await t.rejects(client.ask({ prompt: 'Hi' }).text)
  await new Promise(resolve => setImmediate(resolve))
  t.strictSame(unhandled, [])
})
