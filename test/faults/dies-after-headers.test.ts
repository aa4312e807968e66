import { fault } from './harness.ts'

fault('The upstream dies after its headers', {
  upstream: () => ({
    '/chat/stream': reply => {
      reply.writeHead(200, { 'content-type': 'text/plain' }).flushHeaders()
      reply.socket?.end()
    }
  }),
  expected: { text: '503 connection', events: '503 connection', upstream: '/chat/stream, closed', log: 'upstream_failed connection' }
})
