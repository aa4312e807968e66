import Fastify from 'fastify'
import { Pool } from 'undici'

/**
 * The least that relays a stream with the gateway's libraries: `undici.request` → `reply.send(body)` and nothing else. No
 * validation, no hooks, no logs, no abort, no timeouts beyond undici's own. What the gateway costs is measured against it.
 */
const pool = new Pool(process.env.COPILOT_SERVICE_URL ?? '', { connections: null, pipelining: 1 })
const app = Fastify()

app.post('/api/chat', async (request, reply) => {
  const { body } = await pool.request({
    method: 'POST',
    path: '/chat/stream',
    headers: { 'content-type': 'application/json', accept: 'text/plain' },
    body: JSON.stringify(request.body)
  })
  return reply.type('text/plain; charset=utf-8').send(body)
})

await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT) })
