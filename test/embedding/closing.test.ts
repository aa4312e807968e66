import { EventEmitter, once } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import { test } from 'tap'
import { ask, upstream } from '../helper.ts'
import { embed, host } from './host.ts'

test('an application that was only injected into closes', async t => {
  const app = host(t)
  await embed(app, { prefix: '/ai', settings: { COPILOT_SERVICE_URL: 'http://127.0.0.1:9' } })
  t.equal((await app.inject('/ai/health')).statusCode, 200)
  await app.close()
})

test('the close of the host lets answers end, and the replies that are the host\'s own', async t => {
  const signs = new EventEmitter()
  const service = await upstream(t, {
    '/chat/stream': async reply => {
      reply.writeHead(200, { 'content-type': 'text/plain' }).write('begun, ')
      await once(signs, 'end the answer')
      reply.end('ended')
    }
  })
  const app = host(t)
  app.get('/slow', async () => {
    signs.emit('the host is asked')
    await once(signs, 'end the reply')
    return 'slow'
  })
  await embed(app, { prefix: '/ai', settings: { COPILOT_SERVICE_URL: service.url } })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })

  const answer = await ask(`${url}/ai`)
  const asked = once(signs, 'the host is asked')
  const slow = fetch(`${url}/slow`)
  await asked
  const closed = app.close()
  while (app.server.listening) await setImmediate()
  signs.emit('end the answer')
  t.equal(await answer.text(), 'begun, ended')
  signs.emit('end the reply')
  t.equal(await (await slow).text(), 'slow')
  await closed
})
