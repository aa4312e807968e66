import { fault } from './harness.ts'

fault('The upstream sends an HTML error', {
  upstream: () => ({ '/chat/stream': reply => reply.writeHead(502, { 'content-type': 'text/html' }).end('<html><h1>502 Bad Gateway</h1>') }),
  expected: { text: '500 upstream', events: '500 upstream', upstream: '/chat/stream, kept', log: 'upstream_failed upstream' }
})
