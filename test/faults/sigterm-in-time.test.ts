import { fault } from './harness.ts'

fault('SIGTERM mid-stream, and the answer ends in time', {
  environment: { DRAIN_TIMEOUT_MS: '30000' },
  answer: 'half an answer',
  upstream: scene => ({
    '/chat/stream': async reply => {
      reply.writeHead(200, { 'content-type': 'text/plain' }).write('half an ')
      const { app, client, log } = scene()
      await client.seen('half an ')
      void app.close()
      await log.line(({ msg }) => msg === 'draining')
      reply.end('answer')
    }
  }),
  expected: { text: '200 whole', events: '200 done', upstream: '/chat/stream, closed', log: 'complete' }
})
