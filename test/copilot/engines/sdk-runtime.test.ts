import { setImmediate as immediate } from 'node:timers/promises'
import { test } from 'tap'
import type { Engine } from '../../../copilot/engines/engine.ts'
import { pieces, post, readUntil } from '../helper.ts'
import { modelServer } from '../model-server.ts'
import { alive, engine, script, sdkService, tracedRuntime } from './sdk-helper.ts'

const provider = { COPILOT_PROVIDER_BASE_URL: 'http://127.0.0.1:1/v1', COPILOT_PROVIDER_API_KEY: 'provider-key', COPILOT_MODEL: 'm' }

function ask (it: Engine): Promise<unknown> {
  return it.answer({ prompt: 'Hi', mode: 'explain-only' }).parts[Symbol.asyncIterator]().next()
}

test('a runtime that dies takes its answers with it, and the next request gets a new one', async t => {
  const runtime = tracedRuntime(t)
  const { url, model } = await sdkService(t, runtime.env)
  const ask = async () => {
    const answering = post(`${url}/chat/stream`, { prompt: 'Hi' })
    const call = await model.next()
    call.say('Hello')
    const answer = pieces(await answering)
    await readUntil(answer, 'Hello')
    return { answer, call }
  }
  const { answer } = await ask()
  process.kill(runtime.started()[0]?.pid ?? NaN, 'SIGKILL')
  await t.rejects(answer.next(), 'cut, not ended')

  const next = await ask()
  next.call.end()
  t.equal((await next.answer.next()).done, true)
  t.equal(runtime.started().length, 2)
})

test('a runtime that dies before the first piece is an error with a status', async t => {
  const runtime = tracedRuntime(t)
  const { url, model } = await sdkService(t, runtime.env)
  const answering = post(`${url}/chat`, { prompt: 'Hi' })
  await model.next()
  process.kill(runtime.started()[0]?.pid ?? NaN, 'SIGKILL')
  const response = await answering
  t.equal(response.status, 500)
  t.same(await response.json(), { error: 'The GitHub Copilot runtime ended unexpectedly', errorType: 'sdk' })
})

test('a runtime that dies while it sets a session up is an error of the SDK', async t => {
  const runtime = tracedRuntime(t)
  const model = await modelServer(t)
  const it = engine(t, { ...provider, COPILOT_PROVIDER_BASE_URL: model.url, ...runtime.env })
  const first = ask(it)
  ;(await model.next()).say('Hello')
  await first
  const [{ pid } = { pid: NaN }] = runtime.started()
  // Stopped, it neither answers nor closes its pipes, so the request is under way when it dies.
  process.kill(pid, 'SIGSTOP')
  const second = t.rejects(ask(it), { errorType: 'sdk', message: 'The GitHub Copilot runtime ended unexpectedly' })
  process.kill(pid, 'SIGKILL')
  await second
})

test('a runtime that hangs is given up in seconds, and the next question gets a new one', async t => {
  const runtime = tracedRuntime(t)
  const model = await modelServer(t)
  const it = engine(t, { ...provider, COPILOT_PROVIDER_BASE_URL: model.url, ...runtime.env }, { hangMs: 3_000 })
  const answer = it.answer({ prompt: 'Hi', mode: 'explain-only' }).parts[Symbol.asyncIterator]()
  const first = answer.next()
  ;(await model.next()).say('Hello')
  await first
  const [{ pid } = { pid: NaN }] = runtime.started()
  process.kill(pid, 'SIGSTOP')
  await t.rejects(answer.next(), { errorType: 'sdk', message: 'The GitHub Copilot runtime ended unexpectedly' })
  const second = ask(it)
  ;(await model.next()).say('Hello')
  await second
  while (alive(pid)) await immediate()
  t.equal(runtime.started().length, 2)
})

test('a runtime that does not start is an error of its own', async t => {
  const cases = {
    'is not there': { path: '/no/such/runtime', message: /^The GitHub Copilot runtime could not be started: ENOENT/ },
    'cannot be executed': { path: script(t.testdir({}), 'exit 0', 0o644), message: /could not be started: EACCES/ }
  }
  for (const [what, { path, message }] of Object.entries(cases)) {
    const it = engine(t, { ...provider, COPILOT_CLI_PATH: path })
    await t.rejects(ask(it), { errorType: 'spawn', message }, what)
    t.match(it.health(), { runtime: 'stopped' })
  }
})

test('a runtime that ends at once is an error of its own, and is tried again', async t => {
  const it = engine(t, { ...provider, COPILOT_CLI_PATH: script(t.testdir({}), 'echo provider-key >&2; exit 3') })
  for (let i = 0; i < 2; i++) await t.rejects(ask(it), { errorType: 'spawn', message: /^The GitHub Copilot runtime could not be started: .(?!.*provider-key)/ })
})

test('a runtime that says nothing is given up', async t => {
  const it = engine(t, { ...provider, COPILOT_CLI_PATH: script(t.testdir({}), 'exec sleep 60') }, { patienceMs: 200 })
  await t.rejects(ask(it), { errorType: 'spawn', message: 'The GitHub Copilot runtime could not be started: no answer within 200 ms' })
})

test('without the SDK’s package the error says what to install', async t => {
  const it = engine(t, provider, { loadSdk: () => import('@github/no-such-sdk' + '') })
  await t.rejects(ask(it), {
    errorType: 'sdk',
    message: 'The GitHub Copilot SDK could not be loaded: install it with "npm install @github/copilot-sdk"',
    cause: { message: /Cannot find package '@github\/no-such-sdk'/ }
  })
})

test('a closed engine starts nothing', async t => {
  const runtime = tracedRuntime(t)
  const it = engine(t, { ...provider, ...runtime.env })
  await it.close()
  await t.rejects(ask(it), { errorType: 'sdk', message: 'The Copilot service is closing' })
  t.same(runtime.started(), [])
})

test('closing ends answers in flight, and a runtime that does not go', async t => {
  const model = await modelServer(t)
  const runtime = tracedRuntime(t)
  const it = engine(t, { ...provider, COPILOT_PROVIDER_BASE_URL: model.url, ...runtime.env })
  const answer = it.answer({ prompt: 'Hi', mode: 'explain-only' }).parts[Symbol.asyncIterator]()
  const first = answer.next()
  ;(await model.next()).say('Hello')
  await first
  const [{ pid } = { pid: NaN }] = runtime.started()
  process.kill(pid, 'SIGSTOP')
  const closing = it.close()
  await t.rejects(answer.next(), { errorType: 'sdk', message: 'The GitHub Copilot runtime ended unexpectedly' })
  await closing
  while (alive(pid)) await immediate()
  t.notOk(alive(pid))
})
