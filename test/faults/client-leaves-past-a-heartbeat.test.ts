import { fault } from './harness.ts'

fault('The client leaves before the first byte, after SSE_HEARTBEAT_MS', {
  environment: { SSE_HEARTBEAT_MS: '20', RESUME_GRACE_MS: '50' },
  upstream: () => ({ '/chat/stream': () => {} }),
  client: async ({ client, service, variant }) => {
    client.read()
    await Promise.all([service.request(), variant.events && client.seen(': keep-alive')])
    client.socket.destroy()
  },
  expected: { text: 'nothing', events: '200 cut', upstream: '/chat/stream, closed', log: 'client_left', resumable: { recording: 'abandoned' } }
})
