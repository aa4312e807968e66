import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Test, test } from 'tap'
import { config, post, service } from '../helper.ts'

const token = 'ghp_0123456789abcdef0123456789abcdef0123'

/** A proxy on loopback that refuses every connection, so that no test token leaves this machine. */
async function refusingProxy (t: Test) {
  const asked: string[] = []
  const server = createServer()
  server.on('connect', (request, socket) => {
    asked.push(request.url ?? '')
    socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { env: { HTTPS_PROXY: url, HTTP_PROXY: url }, asked }
}

/** A stand-in for GitHub and its Copilot on loopback; `refuse` makes it refuse one path with a status. */
async function gitHub (t: Test, refuse: { path?: string, status?: number } = {}) {
  const asked: string[] = []
  let sent = ''
  const replies: Record<string, (response: ServerResponse) => void> = {
    '/copilot_internal/user': response => response.end(JSON.stringify({ login: 'me', copilot_plan: 'individual', chat_enabled: true, endpoints: { api: url } })),
    '/models': response => response.end(JSON.stringify({
      data: [{
        id: 'model-x',
        name: 'Model X',
        object: 'model',
        vendor: 'OpenAI',
        version: '1',
        model_picker_enabled: true,
        supported_endpoints: ['/chat/completions'],
        capabilities: { family: 'gpt-5', type: 'chat', tokenizer: 'o200k_base', limits: { max_prompt_tokens: 90000, max_context_window_tokens: 128000 }, supports: { streaming: true, reasoning_effort: ['low', 'medium'] } }
      }]
    })),
    '/chat/completions': response => {
      response.setHeader('content-type', 'text/event-stream')
      for (const [content, reason] of [['Hello ', null], ['you', 'stop']]) {
        response.write(`data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'model-x', choices: [{ index: 0, delta: { content }, finish_reason: reason }] })}\n\n`)
      }
      response.end('data: [DONE]\n\n')
    }
  }
  const server = createServer((request, response) => {
    const path = request.url?.split('?', 1)[0] ?? ''
    asked.push(`${path} ${request.headers.authorization}`)
    request.setEncoding('utf8').on('data', (piece: string) => { sent += piece })
    response.setHeader('content-type', 'application/json')
    if (path === refuse.path) response.writeHead(refuse.status ?? 500).end('{"error":{"message":"Bad credentials"}}')
    else if (replies[path]) replies[path](response)
    else response.writeHead(404).end('{}')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const base = config({ COPILOT_GITHUB_TOKEN: token })
  return { asked, sent: () => sent, config: { ...base, runtimeEnvironment: { ...base.runtimeEnvironment, COPILOT_DEBUG_GITHUB_API_URL: url, COPILOT_API_URL: url } } }
}

test('with a token GitHub Copilot answers', async t => {
  const { asked, config } = await gitHub(t)
  const { url } = await service(t, { config })
  t.equal(await (await post(`${url}/chat/stream`, { prompt: 'Hi', model: 'model-x' })).text(), 'Hello you')
  t.same(await (await fetch(`${url}/models`)).json(), { models: [{ id: 'auto', name: 'Auto' }, { id: 'model-x', name: 'Model X', reasoning: true, contextTokens: 128_000 }] })
  t.strictSame([...new Set(asked)].sort(), [`/chat/completions Bearer ${token}`, `/copilot_internal/user Bearer ${token}`, `/models Bearer ${token}`],
    'and nothing else of GitHub is asked, such as its MCP server')
})

test('effort goes to a model that knows it', async t => {
  const { sent, config } = await gitHub(t)
  const { url } = await service(t, { config })
  for (const [effort, reaches] of [['high', false], ['low', true]] as const) {
    await (await post(`${url}/chat`, { prompt: 'Hi', model: 'model-x', effort })).json()
    t.equal(sent().includes(`"reasoning_effort":"${effort}"`), reaches, effort)
  }
})

test('models that cannot be listed are an error with its own status', async t => {
  for (const [status, expected] of [[401, { status: 401, errorType: 'auth' }], [500, { status: 500, errorType: 'sdk' }]] as const) {
    const { config } = await gitHub(t, { path: '/models', status })
    const { url } = await service(t, { config })
    const response = await fetch(`${url}/models`)
    t.equal(response.status, expected.status)
    t.match(await response.json(), { errorType: expected.errorType, error: `the models could not be listed (HTTP ${status})` })
  }
})

test('a list of models that makes no sense is an error of the SDK', async t => {
  const { config } = await gitHub(t, { path: '/models', status: 200 })
  const { url } = await service(t, { config })
  const response = await fetch(`${url}/models`)
  t.equal(response.status, 500)
  t.match(await response.json(), { errorType: 'sdk', error: /models/ })
})

test('a token that Copilot refuses in the midst of things is refused', async t => {
  const { config } = await gitHub(t, { path: '/chat/completions', status: 401 })
  const { url } = await service(t, { config })
  const response = await post(`${url}/chat/stream`, { prompt: 'Hi', model: 'model-x' })
  t.equal(response.status, 401)
  t.match(await response.json(), { errorType: 'auth', error: /^GitHub Copilot authentication failed: Authorization error/ })
})

test('without credentials the service answers that it is not configured', async t => {
  const { url } = await service(t, { env: { COPILOT_ENGINE: 'sdk' } })
  for (const response of [await post(`${url}/chat/stream`, { prompt: 'Hi' }), await post(`${url}/chat`, { prompt: 'Hi' }), await fetch(`${url}/models`)]) {
    t.equal(response.status, 503)
    t.match(await response.json(), { errorType: 'token_missing', error: /^GitHub Copilot is not configured: set COPILOT_GITHUB_TOKEN, or / })
  }
})

test('a token that was never decrypted is no token', async t => {
  const { url } = await service(t, { env: { COPILOT_GITHUB_TOKEN: '', GH_TOKEN: 'encrypted:BE9Y7LKANx77X1pv' } })
  const response = await post(`${url}/chat/stream`, { prompt: 'Hi' })
  t.equal(response.status, 503)
  const body = await response.text()
  t.match(JSON.parse(body), { errorType: 'token_missing', error: /^GitHub Copilot is not configured: GH_TOKEN .*dotenvx.* never decrypted/ })
  t.notMatch(body, 'BE9Y7LKANx77X1pv')
})

test('a token that GitHub does not accept is refused', async t => {
  const proxy = await refusingProxy(t)
  const { url } = await service(t, { env: { GITHUB_TOKEN: token, ...proxy.env } })
  for (const response of [await post(`${url}/chat/stream`, { prompt: 'Hi' }), await fetch(`${url}/models`)]) {
    t.equal(response.status, 401)
    const body = await response.text()
    t.match(JSON.parse(body), { errorType: 'auth', error: /^GitHub Copilot authentication failed: / })
    t.notMatch(body, token)
  }
  t.ok(proxy.asked.length > 0)
  t.strictSame([...new Set(proxy.asked)], ['api.github.com:443'], 'GitHub and nobody else was asked')
})
