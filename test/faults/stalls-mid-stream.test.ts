import { fault } from './harness.ts'

fault('The upstream stalls mid-stream', {
  environment: { COPILOT_IDLE_TIMEOUT_MS: '100' },
  answer: 'half an ',
  upstream: () => ({ '/chat/stream': reply => reply.writeHead(200, { 'content-type': 'text/plain' }).write('half an ') }),
  expected: { text: '200 cut', events: '200 error idle_timeout', upstream: '/chat/stream, closed', log: 'idle_timeout idle_timeout' }
})
