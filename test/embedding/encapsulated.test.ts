import cors from '@fastify/cors'
import { test } from 'tap'
import { streams, upstream } from '../helper.ts'
import { raw } from '../raw.ts'
import { embed, host } from './host.ts'

const service = { COPILOT_SERVICE_URL: 'http://127.0.0.1:9' }

test('a host keeps its own routes, errors, 404, hooks and decorators', async t => {
  const app = host(t)
  const before = Object.keys(app)
  await embed(app, { prefix: '/ai', settings: service })
  await app.ready()

  t.strictSame((await app.inject('/')).body, 'the host')
  t.strictSame((await app.inject('/health')).json(), { host: 'is well' })
  t.equal((await app.inject('/broken')).statusCode, 418)
  t.strictSame((await app.inject('/nothing')).json(), { host: 'has no such thing' })
  t.strictSame(Object.keys(app).filter(key => !before.includes(key)), [])
  for (const name of ['config', 'copilot', 'metrics', 'lifecycle', 'answers', 'authenticate']) t.notOk(app.hasDecorator(name), name)
  for (const name of ['exchange', 'caller']) t.notOk(app.hasRequestDecorator(name), name)
  const { headers } = await app.inject('/')
  t.match(headers, { 'x-host': 'yes' })
  for (const name of ['x-request-id', 'content-security-policy', 'ratelimit-limit']) t.notOk(name in headers, name)
})

test('the Host check is for the gateway alone', async t => {
  const app = host(t)
  await embed(app, { prefix: '/ai', settings: service })
  const port = Number(new URL(await app.listen({ host: '127.0.0.1', port: 0 })).port)
  for (const [path, status] of [['/', 200], ['/ai/health', 403]] as const) {
    t.match(await raw(port, `GET ${path} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n`), `HTTP/1.1 ${status} `)
  }
})

test('the gateway answers below its prefix, in the words of its own contract', async t => {
  const { url } = await upstream(t, { '/chat/stream': streams('Hello') })
  const app = host(t)
  await embed(app, { prefix: '/ai', settings: { COPILOT_SERVICE_URL: url } })

  t.match((await app.inject('/ai/health')).json(), { ok: true, service: 'gateway' })
  const missing = await app.inject('/ai/nothing')
  t.match([missing.statusCode, missing.headers['x-error-type'], missing.body], [404, 'not_found', /^Error: /])
  const answer = await app.inject({ method: 'POST', url: '/ai/api/chat', payload: { prompt: 'Hi' } })
  t.match([answer.statusCode, answer.body, answer.headers['x-copilot-delivery']], [200, 'Hello', 'stream'])
  const refused = await app.inject({ method: 'POST', url: '/ai/api/chat', payload: {} })
  t.match([refused.statusCode, refused.json().issues], [400, [{ path: 'prompt', message: 'is required' }]])
  t.match((await app.inject('/ai/metrics')).body, /gateway_answers_total/)
  t.match((await app.inject('/ai/docs/json')).json().paths, { '/ai/api/chat': {} })
})

test('a host with a CORS policy of its own decides for the gateway, too', async t => {
  const app = host(t)
  await app.register(cors, { origin: 'https://host.example' })
  await embed(app, { prefix: '/ai', settings: service })
  t.equal((await app.inject({ url: '/ai/health', headers: { origin: 'https://host.example' } })).headers['access-control-allow-origin'], 'https://host.example')
})

test('two gateways with two services stand side by side', async t => {
  const app = host(t)
  for (const name of ['one', 'two']) {
    const { url } = await upstream(t, { '/chat/stream': streams(name) })
    await embed(app, { prefix: `/${name}`, settings: { COPILOT_SERVICE_URL: url } })
  }
  for (const name of ['one', 'two']) {
    t.equal((await app.inject({ method: 'POST', url: `/${name}/api/chat`, payload: { prompt: 'Hi' } })).body, name)
    t.match((await app.inject(`/${name}/metrics`)).body, /gateway_answers_total\{delivery="stream",protocol="text",ended="complete"[^}]*\} 1\n/, 'each counts its own')
  }
})
