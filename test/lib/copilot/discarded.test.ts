import { test } from 'tap'
import { ask, closeOf, pair } from '../../helper.ts'

test('of a reply that is no answer, only so much is read as lets its socket serve the next question', async t => {
  const { url } = await pair(t, { '/chat/stream': reply => { reply.writeHead(202, { 'content-type': 'text/plain' }).end('x'.repeat(1_000_000)) } })
  t.equal((await ask(url)).headers.get('x-error-type'), 'bad_reply')
})

test('and only for so long', async t => {
  const { url, service } = await pair(t, {
    '/chat/stream': reply => {
      reply.writeHead(202, { 'content-type': 'text/plain' })
      const drip = setInterval(() => reply.write('x'), 20)
      reply.once('close', () => clearInterval(drip))
    }
  })
  t.equal((await ask(url)).headers.get('x-error-type'), 'bad_reply')
  await closeOf((await service.request()).raw.socket)
})
