import { fault } from './harness.ts'

fault('The client pipelines two requests and leaves', {
  environment: { RESUME_GRACE_MS: '50' },
  requests: 2,
  answer: 'half an ',
  upstream: () => ({ '/chat/stream': reply => reply.writeHead(200, { 'content-type': 'text/plain' }).write('half an ') }),
  client: async ({ client, service }) => {
    await Promise.all([client.read().seen('half an '), service.request(1)])
    client.socket.destroy()
  },
  expected: {
    text: '200 cut + nothing',
    events: '200 cut + nothing',
    upstream: '/chat/stream + /chat/stream, closed',
    log: 'client_left',
    resumable: { recording: 'abandoned' }
  }
})
