import { once } from 'node:events'
import { test } from 'tap'
import { demoEngine } from '../../../copilot/engines/demo.ts'
import { EXAMPLES } from '../../../copilot/engines/demo-scripts.ts'
import type { AnswerRequest, Message } from '../../../copilot/engines/engine.ts'
import type { Ending, Part } from '../../../lib/answer/answer.ts'
import { post, service } from '../helper.ts'

const LABEL = 'This is a demo answer, written by a script and not by GitHub Copilot.\n\n'
const quick = { pace: 0, silence: 0 }

async function ask (request: Partial<AnswerRequest>): Promise<{ pieces: string[], text: string, reasoning: string, ending: Ending }> {
  const answer = demoEngine(quick).answer({ prompt: 'Hi', mode: 'explain-only', ...request })
  const told: Record<string, string[]> = { text: [], reasoning: [] }
  const parts: AsyncIterable<Part> = answer.parts
  for await (const part of parts) if (part.type !== 'tool') told[part.type]?.push(part.bytes.toString())
  const { text = [], reasoning = [] } = told
  return { pieces: text, text: text.join(''), reasoning: reasoning.join(''), ending: answer.ending() }
}

test('every demo answer says in its first line that it is one', async t => {
  t.ok((await ask({})).text.startsWith(LABEL))
  for (const prompt of EXAMPLES.keys()) t.ok((await ask({ prompt })).text.startsWith(LABEL), prompt)
})

test('each example shows a heading, a list, a table, code in its language, and reasoning', async t => {
  t.same([...EXAMPLES.keys()], ['Explain backpressure in Node streams', 'Write a debounce function in TypeScript', 'Compare REST and GraphQL in a table'])
  for (const prompt of EXAMPLES.keys()) {
    const { text, reasoning, ending } = await ask({ prompt })
    t.match(text, /^## \S/m, prompt)
    t.match(text, /^(- |1\. )\S/m)
    t.match(text, /^\| --- \| --- /m)
    t.match(text, /^```(js|ts|http)\n/m)
    t.ok(reasoning.length > 100)
    t.match(ending, { finishReason: 'stop', model: 'demo', usage: { inputTokens: Number, outputTokens: Number, reasoningTokens: Number } })
  }
})

test('any other question gets a tour, with the question in it', async t => {
  const { url } = await service(t, { engine: demoEngine(quick) })
  const text = await (await post(`${url}/chat/stream`, { prompt: 'What is a monad?' })).text()
  for (const word of ['“What is a monad?”', 'Stop', 'Reload', 'Unplug', 'second tab', 'COPILOT_GITHUB_TOKEN']) t.match(text, word)
  t.match(await (await post(`${url}/chat`, { prompt: 'What is a monad?' })).json(), { output: text, finishReason: 'stop', usage: { inputTokens: 4 } },
    'buffered or not, the text is the same')
})

test('a demo answer comes word by word', async t => {
  const { pieces } = await ask({})
  t.ok(pieces.length > 30)
  t.ok(pieces.every(piece => /^\S+\s+$/.test(piece)), 'one word a piece')
})

test('a demo answer quotes the end of a long question, and whole characters', async t => {
  t.match((await ask({ prompt: 'x'.repeat(100) + ' the\n latest   question' })).text, /“…x+ the latest question”/)
  for (const padding of ['', 'x']) t.ok((await ask({ prompt: '🌍'.repeat(300) + padding })).text.isWellFormed(), 'no half character')
})

test('the latest question counts, however the conversation comes', async t => {
  const folded = 'Continue.\n\nUser: demo:length\n\nAssistant: Compare REST and GraphQL in a table\n\nUser (latest): Explain backpressure in Node streams'
  t.match((await ask({ prompt: folded })).text, '## Backpressure in Node streams')
  const conversation = { messages: [{ role: 'user', content: 'demo:error' }] as const, prompt: ' Compare REST and GraphQL in a table\n' }
  t.match((await ask({ prompt: folded, conversation })).text, '## REST and GraphQL')
})

test('an answer that was broken off is continued where it breaks off', async t => {
  const whole = (await ask({ prompt: 'demo:lengthwise' })).text.replaceAll('demo:lengthwise', 'demo:length')
  const { text: begun } = await ask({ prompt: 'demo:length' })
  const messages = [{ role: 'user', content: 'demo:length' }, { role: 'assistant', content: begun }] as const
  const goOn = async (prompt: string, said: readonly Message[] = messages) => (await ask({ prompt: 'folded', conversation: { messages: said, prompt } })).text
  t.equal(begun + await goOn('Continue your last answer'), whole)
  for (const [prompt, said] of [['Go on', messages], ['Continue', []], ['Continue', [messages[0], { role: 'assistant', content: 'something else' }]]] as const) t.match(await goOn(prompt, said), /demo/i)
  t.notMatch(await goOn('Continue', [messages[0], { role: 'assistant', content: whole }]), /^$/, 'a whole answer is not continued')
})

test('demo:length breaks off, and says so', async t => {
  const { text, ending } = await ask({ prompt: 'demo:length please' })
  t.match(text, /^This is a demo answer.*[^\s.]$/s)
  t.equal(ending.finishReason, 'length')
})

test('demo:error fails after some words', async t => {
  const { parts } = demoEngine(quick).answer({ prompt: 'demo:error', mode: 'explain-only' })
  let told = 0
  await t.rejects(async () => { for await (const part of parts) told += part.bytes.length }, { errorType: 'sdk', message: 'The demo was asked to fail half-way' })
  t.ok(told > 0)
})

test('demo:slow is silent before its first word', async t => {
  t.match((await ask({ prompt: 'demo:slow' })).text, /^This is/)
  const { parts } = demoEngine({ pace: 0, silence: 2 ** 31 - 1 }).answer({ prompt: 'demo:slow', mode: 'explain-only' })
  const first = t.rejects(parts[Symbol.asyncIterator]().next())
  parts.destroy()
  await first
})

test('anywhere else such words are words', async t => {
  for (const prompt of ['What does demo:length do?', 'demo:lengthy', 'xdemo:error', 'User: demo:error\n\nUser (latest): Hi']) {
    const { text, ending } = await ask({ prompt })
    t.equal(ending.finishReason, 'stop', prompt)
    t.match(text, /start again\.\n$/)
  }
})

test('by default a demo answer is paced so that one sees it stream', async t => {
  const began = performance.now()
  const { parts } = demoEngine().answer({ prompt: 'Hi', mode: 'explain-only' })
  const iterator = parts[Symbol.asyncIterator]()
  for (let i = 0; i < 5; i++) await iterator.next()
  t.ok(performance.now() - began >= 100, 'a pause before each word')
  parts.destroy()
})

test('a demo answer that nobody wants any more waits for nothing', async t => {
  const { parts } = demoEngine({ pace: 2 ** 31 - 1 }).answer({ prompt: 'Hi', mode: 'explain-only' })
  parts.resume()
  parts.destroy()
  await once(parts, 'close')
  t.pass('and the process can end')
})

test('the demo engine offers one model', async t => {
  const { url } = await service(t)
  t.same(await (await fetch(`${url}/models`)).json(), { models: [{ id: 'demo', name: 'Demo (scripted, not GitHub Copilot)' }] })
})
