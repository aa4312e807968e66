import { fault } from './harness.ts'

fault('The upstream sends headers of 64 KB', {
  upstream: () => ({ '/chat/stream': reply => reply.writeHead(200, { 'content-type': 'text/plain', 'x-large': 'x'.repeat(65_536) }).end('text') }),
  expected: { text: '502 bad_reply', events: '502 bad_reply', upstream: '/chat/stream, closed', log: 'upstream_failed bad_reply' }
})
