import { test } from 'tap'
import { post } from '../helper.ts'
import { sdkService } from './sdk-helper.ts'

test('effort reaches a model of one’s own, and nothing does when nothing was asked for', async t => {
  const { url, model } = await sdkService(t)
  for (const effort of ['low', 'medium', 'high', undefined]) {
    const asking = post(`${url}/chat`, { prompt: 'Hi', effort })
    const call = await model.next()
    t.equal(call.body.reasoning_effort, effort)
    call.say('ok')
    call.end()
    await (await asking).json()
  }
  t.equal((await post(`${url}/chat`, { prompt: 'Hi', effort: 'extreme' })).status, 400)
})
