import { fault } from './harness.ts'

fault('The client leaves before the first byte', {
  environment: { RESUME_GRACE_MS: '60000' },
  upstream: () => ({ '/chat/stream': () => {} }),
  client: async ({ client, service }) => {
    await service.request()
    client.socket.destroy()
  },
  // Nobody can come back for an answer whose name was never sent: its grace does not matter.
  expected: { text: 'nothing', events: 'nothing', upstream: '/chat/stream, closed', log: 'client_left', resumable: { recording: 'abandoned' } }
})
