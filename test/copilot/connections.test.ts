import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'tap'
import { buildCopilotService } from '../../copilot/app.ts'
import { readCopilotConfig } from '../../copilot/config.ts'
import { deferred, pieces, post, readUntil, scriptedEngine, service } from './helper.ts'

test('closing lets answers in flight end, and waits for no connection without one', async t => {
  const more = deferred<void>()
  const closed = deferred<void>()
  let engineClosed = false
  const { app, url, port } = await service(t, {
    engine: scriptedEngine(async function * () {
      yield 'one '
      await more.promise
      yield engineClosed ? 'too late' : 'two'
    }, { close: async () => { engineClosed = true } })
  })
  const answer = pieces(await post(`${url}/chat/stream`, { prompt: 'Hi' }))
  await readUntil(answer, 'one ')
  const silent = connect(port, '127.0.0.1')
  silent.on('error', () => {})
  await once(silent, 'connect')

  app.close().then(closed.resolve, t.threw)
  more.resolve()
  t.equal(await readUntil(answer, 'two'), 'two')
  t.equal((await answer.next()).done, true, 'the answer ended whole')
  await closed.promise
  t.equal(engineClosed, true)
})

test('a service that never listened closes too', async t => {
  const app = await buildCopilotService({ config: readCopilotConfig({}) })
  await app.close()
  t.equal(app.server.listening, false)
})
