import { fault } from './harness.ts'

fault('The upstream resets before its headers', {
  upstream: () => ({ '/chat/stream': reply => reply.socket?.resetAndDestroy() }),
  expected: { text: '503 connection', events: '503 connection', upstream: '/chat/stream, closed', log: 'upstream_failed connection' }
})
