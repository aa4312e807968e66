import { fault } from './harness.ts'

fault('SIGTERM while two pipelined answers stream', {
  requests: 2,
  environment: { DRAIN_TIMEOUT_MS: '1000' },
  answer: 'half an ',
  upstream: () => ({ '/chat/stream': reply => reply.writeHead(200, { 'content-type': 'text/plain' }).write('half an ') }),
  client: async ({ client, app, service }) => {
    await Promise.all([client.read().seen('half an '), service.request(1)])
    await app.close().catch(() => {})
  },
  expected: {
    text: '200 cut + nothing',
    events: '200 error draining',
    upstream: '/chat/stream + /chat/stream, closed',
    log: 'drained draining',
    resumable: { events: '200 reconnect' }
  }
})
