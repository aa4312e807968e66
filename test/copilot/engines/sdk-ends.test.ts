import { test } from 'tap'
import type { ModelCall } from '../model-server.ts'
import { events } from '../../helper.ts'
import { post } from '../helper.ts'
import { sdkService } from './sdk-helper.ts'

const usage = { prompt_tokens: 11, completion_tokens: 7, prompt_tokens_details: { cached_tokens: 4 }, completion_tokens_details: { reasoning_tokens: 3 } }
const asEvents = { headers: { accept: 'text/event-stream, text/plain;q=0.9' } }
const told = { inputTokens: 11, outputTokens: 7, reasoningTokens: 3, cachedInputTokens: 4 }

test('an answer ends the way the model ended it, after one call', async t => {
  const { url, model } = await sdkService(t)
  const ends = { stop: ['complete', 'stop'], length: ['length', 'length'], content_filter: ['filtered', 'content_filter'] } as const
  for (const [end, [reason, finishReason]] of Object.entries(ends)) {
    const answer = (call: ModelCall) => {
      for (let i = 0; i < 500; i++) call.say(`w${i} `)
      call.end(end as keyof typeof ends, usage)
    }
    const text = Array.from({ length: 500 }, (_, i) => `w${i} `).join('')
    const asked = async (path: string, init = {}) => {
      const before = model.calls.length
      const response = post(url + path, { prompt: 'Hi' }, init)
      answer(await model.next())
      return { response: await response, before }
    }

    const streamed = await asked('/chat/stream', asEvents)
    t.equal(streamed.response.headers.get('content-type'), 'text/event-stream; charset=utf-8')
    const all = await events(streamed.response)
    t.match(all[0], { event: 'start', data: { delivery: 'stream', requestId: String } })
    t.equal(all.filter(({ event }) => event === 'delta').map(({ data }) => data.text).join(''), text, 'every word, and nothing else')
    t.match(all.at(-1), { event: 'done', data: { reason, finishReason, bytes: text.length, sha256: /^[0-9a-f]{64}$/, usage: told, model: 'test-model' } })
    t.equal(model.calls.length - streamed.before, 1, `${end}: one call`)

    const plain = await asked('/chat/stream')
    if (end === 'stop') t.equal(await plain.response.text(), text)
    else await t.rejects(plain.response.text(), 'text alone is cut, because it cannot say that it is not whole')
    t.equal(model.calls.length - plain.before, 1)

    const buffered = await asked('/chat')
    t.same(await buffered.response.json(), { output: text, finishReason, usage: told })
    t.equal(model.calls.length - buffered.before, 1)
  }
})

test('what the model thinks is told apart from what it says', async t => {
  const { url, model } = await sdkService(t)
  const asking = post(`${url}/chat/stream`, { prompt: 'Hi', model: 'thinker' }, asEvents)
  const call = await model.next()
  call.think('Let me ')
  call.think('see.')
  call.say('Döne')
  call.end()
  t.same((await events(await asking)).map(({ event, id, data }) => [event, id, data.text]), [
    ['start', undefined, undefined],
    ['reasoning', '0.7', 'Let me '],
    ['reasoning', '0.11', 'see.'],
    ['delta', '5.11', 'Döne'],
    ['done', '5.11.end', undefined]
  ])
  const whole = post(`${url}/chat/stream`, { prompt: 'Hi' }, asEvents)
  ;(await model.next()).reply('All at once', 'Hm.')
  t.same((await events(await whole)).map(({ event, data }) => [event, data.text]),
    [['start', undefined], ['reasoning', 'Hm.'], ['delta', 'All at once'], ['done', undefined]])
  const text = post(`${url}/chat/stream`, { prompt: 'Hi' })
  const next = await model.next()
  next.think('Let me see.')
  next.say('Done')
  next.end()
  t.equal(await (await text).text(), 'Done', 'a text reader gets the text alone')
})

test('a model that reports no price is given none', async t => {
  const { url, model } = await sdkService(t)
  const asking = post(`${url}/chat/stream`, { prompt: 'Hi' }, asEvents)
  const call = await model.next()
  call.say('Hello')
  call.end()
  const done = (await events(await asking)).at(-1)
  t.match(done, { event: 'done', data: { reason: 'complete', model: 'test-model' } })
  t.notOk('usage' in (done?.data ?? {}))
})

test('tools are told, every call is counted, and messages are joined by nothing', async t => {
  const { url, model } = await sdkService(t)
  const asking = post(`${url}/chat/stream`, { prompt: 'Hi' }, asEvents)
  const call = await model.next()
  call.say('Let me see.')
  call.callTool('bash', { command: 'ls' }, usage)
  const next = await model.next()
  next.say('I cannot.')
  next.end('stop', usage)
  const all = (await events(await asking)).map(({ event, id, data }) => ({ event, id, data }))
  t.match(all.slice(1), [
    { event: 'delta', id: '11', data: { text: 'Let me see.' } },
    { event: 'tool', id: '11.1', data: { id: 'call_1', name: 'bash', state: 'running', input: { command: 'ls' } } },
    { event: 'tool', id: '11.2', data: { id: 'call_1', name: 'bash', state: 'failed', output: /does not exist/ } },
    { event: 'delta', id: '20.2', data: { text: 'I cannot.' } },
    { event: 'done', data: { finishReason: 'stop', bytes: 20, usage: { inputTokens: 22, outputTokens: 14, reasoningTokens: 6, cachedInputTokens: 8 } } }
  ])
  t.equal(model.calls.length, 2)
})

test('an answer that was filtered before its first word has no words', async t => {
  const { url, model } = await sdkService(t)
  const asking = post(`${url}/chat/stream`, { prompt: 'Hi' }, asEvents)
  ;(await model.next()).end('content_filter')
  t.match(await events(await asking), [{ event: 'start' }, { event: 'done', data: { reason: 'filtered', bytes: 0 } }])
  const text = post(`${url}/chat/stream`, { prompt: 'Hi' })
  ;(await model.next()).end('content_filter')
  t.match(await (await text).json(), { errorType: 'sdk', error: 'The answer was filtered' })
})

test('a model that ends without a word is a failure that says so', async t => {
  const { url, model } = await sdkService(t)
  const asking = post(`${url}/chat/stream`, { prompt: 'Hi' }, asEvents)
  ;(await model.next()).end()
  const response = await asking
  t.equal(response.status, 500)
  t.match(await response.json(), { errorType: 'sdk', error: /No response was returned/ })
})

test('a model that calls tools for ever is stopped', async t => {
  const { url, model } = await sdkService(t)
  const asking = post(`${url}/chat`, { prompt: 'Hi' })
  for (let i = 0; i < 30; i++) (await model.next()).callTool('bash', { command: `echo ${i}` })
  const response = await asking
  t.equal(response.status, 500)
  t.same(await response.json(), { error: 'The model called tools 30 times and came to no end', errorType: 'sdk' })
  t.equal(model.calls.length, 30)
})

test('a failure after the first part is told at the end of the events', async t => {
  const { url, model } = await sdkService(t)
  const asking = post(`${url}/chat/stream`, { prompt: 'Hi' }, asEvents)
  const call = await model.next()
  call.say('half an ans')
  call.endUnfinished()
  const all = await events(await asking)
  t.match(all.at(-1), { event: 'error', id: '11.end', data: { errorType: 'sdk', status: 500, retryable: false, bytes: 11, message: String } })
  t.equal(model.calls.length, 1)
})
