import { test } from 'tap'
import { demoEngine } from '../../../copilot/engines/demo.ts'
import type { AnswerRequest } from '../../../copilot/engines/engine.ts'
import { post, service } from '../helper.ts'

async function answer (request: Partial<AnswerRequest>): Promise<string[]> {
  const pieces: string[] = []
  const engine = demoEngine({ paceMs: 0 })
  for await (const piece of engine.answer({ prompt: 'Hi', mode: 'explain-only', ...request }, { signal: new AbortController().signal })) pieces.push(piece)
  return pieces
}

test('the first sentence of a demo answer says that it is one', async t => {
  const { url } = await service(t, { engine: demoEngine({ paceMs: 0 }) })
  const text = await (await post(`${url}/chat/stream`, { prompt: 'What is a monad?' })).text()
  t.match(text, /^This is a demo answer, written by a script and not by GitHub Copilot\. /)
  t.match(text, '“What is a monad?”')
  t.match(text, 'COPILOT_GITHUB_TOKEN')
  t.same(await (await post(`${url}/chat`, { prompt: 'What is a monad?' })).json(), { output: text }, 'buffered or not, the text is the same')
})

test('a demo answer comes word by word', async t => {
  const pieces = await answer({})
  t.ok(pieces.length > 30)
  t.ok(pieces.every(piece => /^\S+\s$/.test(piece)), 'one word a piece')
})

test('a demo answer quotes the end of a long prompt, and whole characters', async t => {
  t.match((await answer({ prompt: 'x'.repeat(100) + ' the\n latest   question' })).join(''), /“…x+ the latest question”/)
  for (const padding of ['', 'x']) {
    const text = (await answer({ prompt: '🌍'.repeat(300) + padding })).join('')
    t.ok(text.isWellFormed(), 'no half character')
  }
})

test('by default a demo answer is paced so that one sees it stream', async t => {
  const began = performance.now()
  const pieces = demoEngine().answer({ prompt: 'Hi', mode: 'explain-only' }, { signal: new AbortController().signal })[Symbol.asyncIterator]()
  for (let i = 0; i < 4; i++) await pieces.next()
  t.ok(performance.now() - began >= 100, 'a pause before each word')
  await pieces.return?.()
})

test('a demo answer whose reader left ends without waiting', async t => {
  const reader = new AbortController()
  const pieces = demoEngine({ paceMs: 2 ** 31 - 1 }).answer({ prompt: 'Hi', mode: 'explain-only' }, { signal: reader.signal })[Symbol.asyncIterator]()
  const next = pieces.next()
  reader.abort()
  t.equal((await next).done, true)
})

test('the demo engine offers one model', async t => {
  const { url } = await service(t)
  t.same(await (await fetch(`${url}/models`)).json(), { models: [{ id: 'demo', name: 'Demo (scripted, not GitHub Copilot)' }] })
})
