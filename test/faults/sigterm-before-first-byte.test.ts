import { fault } from './harness.ts'

fault('SIGTERM before the first byte, and the answer outlasts DRAIN_TIMEOUT_MS', {
  environment: { DRAIN_TIMEOUT_MS: '50' },
  upstream: () => ({ '/chat/stream': () => {} }),
  client: async ({ client, app, service }) => {
    client.read()
    await service.request()
    await app.close().catch(() => {})
  },
  expected: { text: '503 draining', events: '503 draining', upstream: '/chat/stream, closed', log: 'drained draining' }
})
