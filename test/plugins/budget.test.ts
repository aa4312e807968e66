import { type Test, test } from 'tap'
import { ask, type Gateway, pair, type Script, type Upstream } from '../helper.ts'
import { redisServer } from '../redis.ts'
import { scrape } from '../scrape.ts'

const keys = { AUTH_MODE: 'api-key', API_KEYS: 'ann:a,bob:b', METRICS_TOKEN: 'm' }

/** An answer that takes six tokens of input and four of output. */
const costsTen: Script = reply => reply.writeHead(200, { 'content-type': 'text/event-stream' })
  .end('event: delta\ndata: {"text":"Hello"}\n\nevent: done\ndata: {"finishReason":"stop","usage":{"inputTokens":6,"outputTokens":4}}\n\n')

async function limited (t: Test, environment: Record<string, string> = {}): Promise<Gateway & { service: Upstream }> {
  return await pair(t, { '/chat/stream': costsTen }, { ...keys, TOKENS_PER_CALLER: '15', TOKENS_WINDOW_MS: '60000', ...environment })
}

/** Asks on behalf of a caller, and resolves with the response once its answer is counted. */
async function askAs ({ url, log }: Gateway, key: string, init: RequestInit & { body?: string, path?: string } = {}): Promise<{ response: Response, text: string }> {
  const { path = '/api/chat', body = JSON.stringify({ prompt: 'Hi' }), headers = {} } = init
  const response = await fetch(url + path, { method: 'POST', body, headers: { 'content-type': 'application/json', 'x-api-key': key, ...headers } })
  const text = await response.text()
  const requestId = response.headers.get('x-request-id') ?? ''
  await log.ended(requestId)
  return { response, text }
}

test('the answer that crosses the budget is given, the next question is refused before the service is asked', async t => {
  const gateway = await limited(t)
  for (let time = 0; time < 2; time++) t.equal((await askAs(gateway, 'a')).text, 'Hello')
  const { response, text } = await askAs(gateway, 'a')
  t.equal(response.status, 429)
  t.match(Object.fromEntries(response.headers), { 'x-error-type': 'budget_exhausted', 'retry-after': /^(60|[1-5]\d)$/ })
  t.equal(text, 'Error: The tokens of this caller are spent: 20 of 15 tokens')
  t.match(await gateway.log.line(({ status }) => status === 429), { level: 30, caller: 'ann', ended: 'complete', errorType: 'budget_exhausted' })
  t.equal(gateway.service.asked().length, 2)
  t.equal((await askAs(gateway, 'b')).response.status, 200, 'others have their own')
  t.equal((await scrape(gateway.url, 'm')).counted('gateway_refused_total').budget_exhausted, 1)
})

test('every way to ask has the same budget, and an answer that is there already costs nothing', async t => {
  const gateway = await limited(t)
  const once = { headers: { 'idempotency-key': 'k' } }
  t.equal((await askAs(gateway, 'a', once)).text, 'Hello')
  await gateway.log.line(({ msg, caller }) => msg === 'resumable answer ended' && caller === 'ann')
  const completion = { path: '/v1/chat/completions', body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'Hi' }] }) }
  t.equal((await askAs(gateway, 'a', completion)).response.status, 200)

  const refused = await askAs(gateway, 'a', completion)
  t.match(JSON.parse(refused.text), { error: { type: 'rate_limit_error', code: 'budget_exhausted' } })
  t.equal(refused.response.headers.get('x-should-retry'), null)
  t.equal((await askAs(gateway, 'a', { body: JSON.stringify({ prompt: 'Hi', resumable: true }) })).response.status, 429)
  const another = await askAs(gateway, 'a', { ...completion, headers: { 'idempotency-key': 'another' } })
  t.equal(another.response.status, 429)
  t.equal(another.response.headers.get('x-should-retry'), null)
  const replayed = await askAs(gateway, 'a', once)
  t.equal(replayed.text, 'Hello')
  t.equal(replayed.response.headers.get('idempotent-replayed'), 'true')
  t.equal(gateway.service.asked().length, 2)
})

test('gateways that share a Redis share the budget', async t => {
  const server = await redisServer(t)
  if (!server) return
  const [one, two] = [await limited(t, { REDIS_URL: server.url }), await limited(t, { REDIS_URL: server.url })]
  await askAs(one, 'a')
  await askAs(two, 'a')
  // What was spent is written behind the answer.
  while ((await askAs(one, 'a')).response.status !== 429);
  t.equal((await askAs(two, 'a')).response.status, 429)
})

test('the tokens of callers are in the metrics where an operator allows it', async t => {
  for (const [METRICS_CALLERS, counted] of [['on', { 'input ann': 6, 'output ann': 4 }], ['off', {}]] as const) {
    const gateway = await limited(t, { METRICS_CALLERS })
    await askAs(gateway, 'a')
    t.strictSame((await scrape(gateway.url, 'm')).counted('gateway_caller_tokens_total'), counted)
  }
})

test('without a budget nothing is counted, and an answer without usage costs nothing', async t => {
  const gateway = await limited(t, { TOKENS_PER_CALLER: '0' })
  for (let time = 0; time < 3; time++) t.equal((await askAs(gateway, 'a')).response.status, 200)
  const free = await limited(t, { TOKENS_PER_CALLER: '1' })
  free.service.scripts['/chat/stream'] = reply => reply.writeHead(200, { 'content-type': 'text/plain' }).end('free')
  for (let time = 0; time < 3; time++) t.equal((await askAs(free, 'a')).text, 'free')
  t.equal((await ask(free.url)).status, 401)
})
