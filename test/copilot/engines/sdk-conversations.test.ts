import { setImmediate as immediate } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { historyOf, KeptSessions } from '../../../copilot/engines/sdk-sessions.ts'
import type { Conversation } from '../../../copilot/engines/engine.ts'
import { events } from '../../helper.ts'
import { pieces, post, readUntil, service } from '../helper.ts'
import type { ModelCall } from '../model-server.ts'
import { sdkService, tracedRuntime } from './sdk-helper.ts'

/** What a model was told, without the date that the runtime puts before each question. */
function told (call: ModelCall): string[] {
  return call.body.messages.slice(1).map(({ role, content }) => `${role}: ${content.replace(/^<current_datetime>.*?<\/current_datetime>\s*/s, '')}`)
}

const folded = (prompt: string) => `folded, and then ${prompt}`
const user = (content: string) => ({ role: 'user', content }) as const
const assistant = (content: string) => ({ role: 'assistant', content }) as const

/** A service whose conversations a test leads: each question, told how it ends, gives what the model was told. */
async function conversations (t: Test, env: Record<string, string> = {}) {
  const it = await sdkService(t, env)
  const ask = async (conversation: Conversation, answer = 'ok', rest: object = {}) => {
    const asking = post(`${it.url}/chat`, { prompt: folded(conversation.prompt), conversation, ...rest })
    const call = await it.model.next()
    call.say(answer)
    call.end()
    t.match(await (await asking).json(), { output: answer, finishReason: 'stop' })
    return told(call)
  }
  const health = async (): Promise<{ sessions: number, runtime: string }> => JSON.parse(await (await fetch(`${it.url}/health`)).text())
  return { ...it, ask, health }
}

test('the turns of a conversation reach the model as turns, and only the new one is sent', async t => {
  const { ask, health } = await conversations(t)
  t.same(await ask({ id: 'a', messages: [], prompt: 'one' }, 'eins'), [`user: ${folded('one')}`])
  t.same(await ask({ id: 'a', messages: [user('one'), assistant(' eins\n')], prompt: 'two' }, 'zwei'),
    [`user: ${folded('one')}`, 'assistant: eins', 'user: two'])
  t.same(await ask({ id: 'a', messages: [user('one'), assistant('eins'), user('two'), assistant('zwei'), user('three')], prompt: 'three' }),
    [`user: ${folded('one')}`, 'assistant: eins', 'user: two', 'assistant: zwei', 'user: three'], 'a history with the question in it, too')
  t.same(await ask({ id: 'a', messages: [], prompt: 'four' }), [`user: ${folded('one')}`, 'assistant: eins', 'user: two', 'assistant: zwei', 'user: three', 'assistant: ok', 'user: four'],
    'without any history it goes on')
  while ((await health()).sessions !== 1) await immediate()
})

test('the files of a further turn go along with it, and the conversation goes on without them', async t => {
  const { ask } = await conversations(t)
  await ask({ id: 'a', messages: [], prompt: 'one' }, 'eins')
  const [, , asked] = await ask({ id: 'a', messages: [user('one'), assistant('eins')], prompt: 'two', files: [{ name: 'a.txt', content: 'x' }] }, 'zwei')
  t.equal(asked, 'user: File a.txt:\n```\nx\n```\n\ntwo')
  const next = await ask({ id: 'a', messages: [user('one'), assistant('eins'), user('two'), assistant('zwei')], prompt: 'three' })
  t.strictSame(next.slice(2), [asked, 'assistant: zwei', 'user: three'])
})

test('what is not a further turn starts anew, with everything in one prompt', async t => {
  const { ask } = await conversations(t)
  const history = [user('one'), assistant('eins')]
  let count = 0
  const begin = async (id: string) => { await ask({ id, messages: [], prompt: 'one' }, 'eins') }
  const anew = async (name: string, conversation: Conversation, rest: object = {}) => {
    await begin(`${++count}`)
    t.same(await ask({ ...conversation, ...(conversation.id === 'a' && { id: `${count}` }) }, 'ok', rest), [`user: ${folded(conversation.prompt)}`], name)
  }
  await anew('an edited turn', { id: 'a', messages: [user('One!'), assistant('eins')], prompt: 'two' })
  await anew('another conversation', { id: 'b', messages: history, prompt: 'two' })
  await anew('no conversation', { messages: history, prompt: 'two' })
  await anew('another mode', { id: 'a', messages: history, prompt: 'two' }, { mode: 'project-helper' })
  await anew('another model', { id: 'a', messages: history, prompt: 'two' }, { model: 'other' })
  await anew('another effort', { id: 'a', messages: history, prompt: 'two' }, { effort: 'low' })
  await anew('other instructions', { id: 'a', messages: history, prompt: 'two', instructions: 'Be brief.' })
})

test('a conversation that began elsewhere goes on here', async t => {
  const { ask } = await conversations(t)
  const history = [user('one'), assistant('eins')]
  t.same(await ask({ id: 'a', messages: history, prompt: 'two' }, 'zwei'), [`user: ${folded('two')}`])
  t.same(await ask({ id: 'a', messages: [...history, user('two'), assistant('zwei')], prompt: 'three' }), [`user: ${folded('two')}`, 'assistant: zwei', 'user: three'])
})

test('one turn is answered at a time, and the next one shows that it waits', async t => {
  const { url, model } = await conversations(t)
  const ask = (prompt: string) => post(`${url}/chat/stream`, { prompt, conversation: { id: 'a', messages: [], prompt } }, { headers: { accept: 'text/event-stream' } })
  const first = ask('one')
  const call = await model.next()
  const second = await ask('two')
  t.equal(second.status, 200, 'its headers are here before the first turn has ended')
  t.equal(model.calls.length, 1)
  call.say('eins')
  call.end()
  t.match((await events(await first)).at(-1), { event: 'done' })
  const next = await model.next()
  t.same(told(next), ['user: one', 'assistant: eins', 'user: two'])
  next.refuse(400, 'no')
  t.match(await events(second), [{ event: 'error', id: '0.end', data: { errorType: 'sdk' } }], 'what fails then is told as an event')
})

test('a turn that is stopped lets the next one go on, and is forgotten', async t => {
  const { url, model, health } = await conversations(t)
  const ask = (prompt: string, init?: RequestInit) => post(`${url}/chat/stream`, { prompt, conversation: { id: 'a', messages: [], prompt } }, init)
  const caller = new AbortController()
  const first = await (async () => {
    const asking = ask('one', { signal: caller.signal })
    ;(await model.next()).say('half')
    return await asking
  })()
  await readUntil(pieces(first), 'half')
  const left = new AbortController()
  const gone = t.rejects(ask('never', { signal: left.signal }))
  const third = ask('three')
  left.abort()
  await gone
  caller.abort()
  const call = await model.next()
  t.same(told(call), ['user: three'])
  call.say('drei')
  call.end('length')
  await t.rejects((await third).text())
  const fourth = ask('four')
  const last = await model.next()
  t.same(told(last), ['user: four'], 'nor is one remembered that was broken off')
  last.end('content_filter')
  t.equal((await fourth).status, 500)
  t.match(await health(), { sessions: 0 })
})

test('a turn that cannot be asked at all does not stand in the way of the next one', async t => {
  const { url } = await service(t, { env: { COPILOT_ENGINE: 'sdk' } })
  const asked = [1, 2].map(async () => await post(`${url}/chat`, { prompt: 'Hi', conversation: { id: 'a', prompt: 'Hi' } }))
  t.same((await Promise.all(asked)).map(({ status }) => status), [503, 503])
})

test('with no time to keep them, no conversations are kept', async t => {
  const { ask } = await conversations(t, { COPILOT_SESSION_TTL_MS: '0' })
  await ask({ id: 'a', messages: [], prompt: 'one' }, 'eins')
  t.same(await ask({ id: 'a', messages: [user('one'), assistant('eins')], prompt: 'two' }), [`user: ${folded('two')}`])
})

test('a session is kept for a while, and the latest ones of too many', async t => {
  const kept = (end: () => void) => ({ session: 'a session', history: '', setup: '', lost: new AbortController().signal, end })
  await new Promise<void>(resolve => {
    const sessions = new KeptSessions(1)
    // What keeps the time does not keep the process.
    const alive = setInterval(() => {}, 1_000)
    sessions.keep('a', kept(() => {
      clearInterval(alive)
      t.equal(sessions.size, 0)
      resolve()
    }))
    t.equal(sessions.size, 1)
  })

  const ended: string[] = []
  const sessions = new KeptSessions(60_000)
  for (let i = 0; i < 203; i++) sessions.keep(`${i}`, kept(() => ended.push(`${i}`)))
  t.same(ended, ['0', '1', '2'])
  t.equal(sessions.take('3', { messages: [], prompt: 'Hi' }, '')?.session, 'a session')
  t.equal(sessions.take('3', { messages: [], prompt: 'Hi' }, ''), undefined, 'it has one taker')
  sessions.close()
  t.equal(sessions.size, 0)
})

test('a runtime that died takes its conversations with it, and they begin anew', async t => {
  const runtime = tracedRuntime(t)
  const { ask, health } = await conversations(t, runtime.env)
  await ask({ id: 'a', messages: [], prompt: 'one' }, 'eins')
  process.kill(runtime.started()[0]?.pid ?? NaN, 'SIGKILL')
  while ((await health()).runtime === 'running') await immediate()
  t.same(await ask({ id: 'a', messages: [user('one'), assistant('eins')], prompt: 'two' }), [`user: ${folded('two')}`])
})

test('a history is its turns in their order, whatever is around them', async t => {
  const history = historyOf([user('a'), assistant('b')])
  t.equal(historyOf([user(' a '), assistant(''), assistant('b\n')]), history)
  t.equal(historyOf([assistant('b')], historyOf([user('a')])), history)
  for (const other of [[], [user('a')], [assistant('b'), user('a')], [user('ab')], [user('a'), user('b')]]) t.not(historyOf(other), history)
})
