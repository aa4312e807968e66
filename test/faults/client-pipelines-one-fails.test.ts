import { once } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import { fault } from './harness.ts'

fault('The client pipelines two requests, and the upstream dies under the second', {
  requests: 2,
  answer: 'half an answer',
  upstream: scene => ({
    '/chat/stream': async (reply, { headers }) => {
      const { app, client, service } = scene()
      reply.writeHead(200, { 'content-type': 'text/plain' }).write('half an ')
      await client.seen('half an ')
      if (headers['x-request-id'] === 'request-1') {
        reply.destroy()
        return
      }
      const second = await service.request(1)
      if (!second.raw.socket.closed) await once(second.raw.socket, 'close')
      while (app.copilot.sockets.running > 1) await setImmediate()
      reply.end('answer')
    }
  }),
  expected: {
    text: '200 whole + nothing',
    events: '200 done + 200 error connection',
    upstream: '/chat/stream + /chat/stream, closed',
    log: 'complete + upstream_failed connection'
  }
})
