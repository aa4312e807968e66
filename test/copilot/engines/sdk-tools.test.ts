import { test } from 'tap'
import { post } from '../helper.ts'
import { sdkService } from './sdk-helper.ts'

test('no mode offers the model a tool, and each has its own instructions', async t => {
  const { url, model } = await sdkService(t)
  const instructions = { 'explain-only': /Explain: .* You have no tools/, 'project-helper': /Help with a project: .* you have no tools/ }
  for (const [mode, expected] of Object.entries(instructions)) {
    const answering = post(`${url}/chat`, { prompt: 'Hi', mode })
    const call = await model.next()
    t.equal(call.body.tools, undefined, mode)
    t.match(call.body.messages[0], { role: 'system', content: expected })
    t.equal(call.body.messages.length, 2, 'nothing but the instructions and the prompt')
    call.say('ok')
    call.end()
    t.equal((await answering).status, 200)
  }
})

test('a tool that the model asks for all the same is not run', async t => {
  const { url, model } = await sdkService(t)
  const answering = post(`${url}/chat`, { prompt: 'Hi' })
  const call = await model.next()
  call.say('Let me see.')
  call.callTool('bash', { command: 'echo it-ran', description: 'x' })
  const next = await model.next()
  t.match(next.body.messages.at(-1), { role: 'tool', content: /does not exist/ })
  next.say('I cannot.')
  next.end()
  t.same(await (await answering).json(), { output: 'Let me see.I cannot.', finishReason: 'stop' }, 'and nothing is joined that the model did not write')
})
