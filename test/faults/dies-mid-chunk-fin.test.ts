import { fault } from './harness.ts'

fault('The upstream dies in the middle of a chunk, by FIN', {
  answer: 'half an ans',
  upstream: scene => ({
    '/chat/stream': async reply => {
      reply.writeHead(200, { 'content-type': 'text/plain' }).write('half an ')
      // A chunk of 100 bytes, of which three come.
      reply.socket?.write('64\r\nans')
      await scene().client.seen('ans')
      reply.socket?.end()
    }
  }),
  expected: { text: '200 cut', events: '200 error connection', upstream: '/chat/stream, closed', log: 'upstream_failed connection' }
})
