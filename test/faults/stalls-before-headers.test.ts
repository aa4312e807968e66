import { fault } from './harness.ts'

fault('The upstream stalls before its headers', {
  environment: { COPILOT_FIRST_BYTE_TIMEOUT_MS: '100' },
  upstream: () => ({ '/chat/stream': () => {} }),
  expected: { text: '504 timeout', events: '504 timeout', upstream: '/chat/stream, closed', log: 'timeout timeout' }
})
