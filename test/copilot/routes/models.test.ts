import { test } from 'tap'
import { scriptedEngine, service } from '../helper.ts'

test('the models are the engine’s', async t => {
  const { url } = await service(t, { engine: scriptedEngine(async function * () {}, { models: async () => [{ id: 'a', name: 'A' }, { id: 'b' }] }) })
  t.same(await (await fetch(`${url}/models`)).json(), { models: [{ id: 'a', name: 'A' }, { id: 'b' }] })
})
