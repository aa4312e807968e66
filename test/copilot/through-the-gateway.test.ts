import { type Test, test } from 'tap'
import { ask, build, events } from '../helper.ts'
import { type ModelCall, modelServer } from './model-server.ts'

const usage = { prompt_tokens: 11, completion_tokens: 7 }
const asEvents = { headers: { accept: 'text/event-stream' } }

/** A gateway with its embedded companion over a model of the test's own; `told` asks, has the model answer, and counts its calls. */
async function gateway (t: Test) {
  const model = await modelServer(t)
  const { url } = await build(t, { COPILOT_PROVIDER_BASE_URL: model.url, COPILOT_MODEL: 'test-model' })
  const told = async (answer: (call: ModelCall) => void, init: RequestInit = {}, body: object = {}) => {
    const before = model.calls.length
    const asking = ask(url, { prompt: 'Hi', ...body }, init)
    const call = await model.next()
    answer(call)
    const response = await asking
    return { response, call, calls: () => model.calls.length - before }
  }
  return { told }
}

/** The text of a reply that is cut behind it. */
async function cutText (response: Response): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  try {
    for await (const chunk of response.body ?? []) text += decoder.decode(chunk, { stream: true })
  } catch {
    return text
  }
  throw new Error(`ended whole after ${JSON.stringify(text)}`)
}

test('an answer is told to every reader as the model ended it, and the model is asked once', async t => {
  const { told } = await gateway(t)
  const ends = { stop: ['complete', 'stop'], length: ['length', 'length'], content_filter: ['filtered', 'content_filter'] } as const
  for (const [end, [reason, finishReason]] of Object.entries(ends)) {
    const answer = (call: ModelCall) => {
      call.say('Hällo ')
      call.say('wörld')
      call.end(end as keyof typeof ends, usage)
    }
    const text = await told(answer)
    t.equal(end === 'stop' ? await text.response.text() : await cutText(text.response), 'Hällo wörld', `${end}, to a text reader`)
    t.equal(text.calls(), 1)

    const streamed = await told(answer, asEvents)
    const all = await events(streamed.response)
    t.equal(all.filter(({ event }) => event === 'delta').map(({ data }) => data.text).join(''), 'Hällo wörld', `${end}, to an event reader`)
    t.match(all.at(-1), { event: 'done', data: { reason, finishReason, bytes: 13, usage: { inputTokens: 11, outputTokens: 7 }, model: 'test-model' } })
    t.equal(streamed.calls(), 1)
  }
})

test('what the model thinks reaches who can tell it from text', async t => {
  const { told } = await gateway(t)
  const answer = (call: ModelCall) => {
    call.think('Let me see.')
    call.say('Done')
    call.end()
  }
  t.equal(await (await told(answer)).response.text(), 'Done')
  const all = await events((await told(answer, asEvents)).response)
  t.same(all.map(({ event, data }) => [event, data.text]), [['start', undefined], ['reasoning', 'Let me see.'], ['delta', 'Done'], ['done', undefined]])
})

test('a further turn of a session reaches the model as a turn', async t => {
  const { told } = await gateway(t)
  const say = (call: ModelCall) => {
    call.say('eins')
    call.end()
  }
  await (await told(say, {}, { prompt: 'one', sessionId: 's' })).response.text()
  const next = await told(say, {}, { prompt: 'two', sessionId: 's', messages: [{ role: 'user', content: 'one' }, { role: 'assistant', content: 'eins' }] })
  await next.response.text()
  t.match(next.call.body.messages, [{ role: 'system' }, { role: 'user', content: /one$/ }, { role: 'assistant', content: 'eins' }, { role: 'user', content: /two$/ }])
})
