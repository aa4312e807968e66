import { fault } from './harness.ts'

fault('SIGTERM before the first byte, after SSE_HEARTBEAT_MS', {
  environment: { DRAIN_TIMEOUT_MS: '50', SSE_HEARTBEAT_MS: '20' },
  upstream: () => ({ '/chat/stream': () => {} }),
  client: async ({ client, app, service, variant }) => {
    client.read()
    await Promise.all([service.request(), variant.events && client.seen(': keep-alive')])
    await app.close().catch(() => {})
  },
  expected: {
    text: '503 draining',
    events: '200 error draining',
    upstream: '/chat/stream, closed',
    log: 'drained draining',
    resumable: { events: '200 reconnect' }
  }
})
