import { fault } from './harness.ts'

fault('The upstream stalls before its headers for longer than SSE_HEARTBEAT_MS', {
  environment: { COPILOT_FIRST_BYTE_TIMEOUT_MS: '200', SSE_HEARTBEAT_MS: '20' },
  upstream: () => ({ '/chat/stream': () => {} }),
  expected: { text: '504 timeout', events: '200 error timeout', upstream: '/chat/stream, closed', log: 'timeout timeout' }
})
