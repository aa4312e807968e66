import { fault } from './harness.ts'

fault('SIGTERM mid-stream, and the answer outlasts DRAIN_TIMEOUT_MS', {
  environment: { DRAIN_TIMEOUT_MS: '50' },
  answer: 'half an ',
  upstream: () => ({ '/chat/stream': reply => reply.writeHead(200, { 'content-type': 'text/plain' }).write('half an ') }),
  client: async ({ client, app }) => {
    await client.read().seen('half an ')
    await app.close().catch(() => {})
  },
  expected: {
    text: '200 cut',
    events: '200 error draining',
    upstream: '/chat/stream, closed',
    log: 'drained draining',
    resumable: { events: '200 reconnect' }
  }
})
