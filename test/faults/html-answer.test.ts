import { fault } from './harness.ts'

fault('The upstream sends an HTML page as its answer', {
  upstream: () => ({ '/chat/stream': reply => reply.writeHead(200, { 'content-type': 'text/html' }).end('<html><h1>Log in</h1>') }),
  expected: { text: '502 bad_reply', events: '502 bad_reply', upstream: '/chat/stream, kept', log: 'upstream_failed bad_reply' }
})
