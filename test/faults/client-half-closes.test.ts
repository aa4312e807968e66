import { fault } from './harness.ts'

fault('The client half-closes its connection', {
  environment: { RESUME_GRACE_MS: '50' },
  answer: 'half an ',
  upstream: () => ({ '/chat/stream': reply => reply.writeHead(200, { 'content-type': 'text/plain' }).write('half an ') }),
  client: async ({ client }) => {
    await client.read().seen('half an ')
    client.socket.end()
  },
  expected: { text: '200 cut', events: '200 cut', upstream: '/chat/stream, closed', log: 'client_left', resumable: { recording: 'abandoned' } }
})
