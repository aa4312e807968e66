import Fastify from 'fastify'
import { test } from 'tap'
import { serverOptions } from '../../lib/server-options.ts'
import { streams, unencapsulated, upstream } from '../helper.ts'

test('a gateway that never listens answers what is injected, and closes', async t => {
  const { url } = await upstream(t, { '/chat/stream': streams('the ', 'answer') })
  const environment = { LOG_LEVEL: 'silent', COPILOT_SERVICE_URL: url }
  const app = Fastify(serverOptions(environment))
  await app.register(unencapsulated, { environment })
  for (const path of ['/health', '/health/ready', '/metrics', '/nowhere']) t.match(await app.inject(path), { statusCode: path === '/nowhere' ? 404 : 200 })
  for (const accept of ['text/plain', 'text/event-stream']) {
    t.match(await app.inject({ method: 'POST', url: '/api/chat', headers: { accept }, payload: { prompt: 'Hi' } }), { statusCode: 200, body: /the [^]*answer/ })
  }
  t.match(await app.inject({ method: 'POST', url: '/api/chat', payload: { prompt: '' } }), { statusCode: 400 })
  await app.close()
  t.equal(app.lifecycle.inFlight, 0)
})

test('answers that fail and answers that are left are no trouble either', async t => {
  const { url, request } = await upstream(t, {
    '/chat/stream': (reply, { json: { prompt } }) => {
      reply.writeHead(200, { 'content-type': 'text/plain' }).write('the beginning')
      if (prompt === 'fail') setImmediate(() => reply.destroy())
    }
  }).then(service => ({ url: service.url, request: (index: number) => service.request(index) }))
  const environment = { LOG_LEVEL: 'silent', COPILOT_SERVICE_URL: url, DRAIN_TIMEOUT_MS: '10' }
  const app = Fastify(serverOptions(environment))
  await app.register(unencapsulated, { environment })
  await t.rejects(app.inject({ method: 'POST', url: '/api/chat', payload: { prompt: 'fail' } }))
  t.match(await app.inject({ method: 'POST', url: '/api/chat', headers: { accept: 'text/event-stream' }, payload: { prompt: 'fail' } }), { body: /event: error/ })

  const left = app.inject({ method: 'POST', url: '/api/chat', payload: { prompt: 'never ends' } }).catch(() => {})
  await request(2)
  await app.close().catch(() => {})
  await left
  t.equal(app.lifecycle.inFlight, 0)
})
