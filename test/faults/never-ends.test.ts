import { fault } from './harness.ts'

fault('The upstream never ends its answer', {
  environment: { STREAM_MAX_MS: '2000' },
  answer: 'more and '.repeat(10_000),
  upstream: () => ({
    '/chat/stream': reply => {
      reply.writeHead(200, { 'content-type': 'text/plain' })
      const writing = setInterval(() => reply.write('more and '), 20)
      reply.once('close', () => clearInterval(writing))
    }
  }),
  expected: { text: '200 cut', events: '200 error max_duration', upstream: '/chat/stream, closed', log: 'max_duration max_duration' }
})
