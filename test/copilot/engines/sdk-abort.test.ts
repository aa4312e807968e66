import { once } from 'node:events'
import { readdirSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as immediate } from 'node:timers/promises'
import { test } from 'tap'
import { post } from '../helper.ts'
import { alive, engine, sdkService, tracedRuntime } from './sdk-helper.ts'
import { type ModelCall, modelServer } from '../model-server.ts'

test('a caller who leaves stops the model request', async t => {
  const { url, model } = await sdkService(t)
  const steps = { 'before the first piece': '', 'mid-stream': 'Hello' }
  for (const [when, said] of Object.entries(steps)) {
    const caller = new AbortController()
    const answering = post(`${url}/chat/stream`, { prompt: 'Hi' }, { signal: caller.signal })
    const call = await model.next()
    if (said) {
      call.say(said)
      await answering
    }
    const left = said ? undefined : t.rejects(answering)
    caller.abort()
    t.equal(await call.closed, false, `${when}: the model’s socket is closed, the answer not whole`)
    await left
  }
  const caller = new AbortController()
  const answering = post(`${url}/chat`, { prompt: 'Hi' }, { signal: caller.signal })
  const call = await model.next()
  const left = t.rejects(answering)
  caller.abort()
  t.equal(await call.closed, false, 'and so it is when the answer is buffered')
  await left
})

test('an answer that nobody reads any more is stopped where it stands', async t => {
  const model = await modelServer(t)
  const sdk = engine(t, { COPILOT_PROVIDER_BASE_URL: model.url, COPILOT_MODEL: 'm' })
  const { parts } = sdk.answer({ prompt: 'Hi', mode: 'explain-only' })
  const call = await model.next()
  call.say('one')
  await once(parts, 'readable')
  parts.destroy()
  t.equal(await call.closed, false)
})

test('a caller who left while the session was set up starts no model request', async t => {
  const model = await modelServer(t)
  const sdk = engine(t, { COPILOT_PROVIDER_BASE_URL: model.url, COPILOT_MODEL: 'm' })
  const { parts } = sdk.answer({ prompt: 'Hi', mode: 'explain-only' })
  parts.destroy()
  await once(parts, 'close')
  await sdk.close()
  t.equal(model.calls.length, 0)
})

test('a session leaves nothing on disk, and the service no process and no directory', async t => {
  const runtime = tracedRuntime(t)
  const { app, url, model } = await sdkService(t, runtime.env)
  t.same(runtime.started(), [], 'nothing is started before it is needed')
  for (let i = 0; i < 2; i++) {
    const answering = post(`${url}/chat`, { prompt: 'Hi' })
    const call = await model.next()
    call.say('ok')
    call.end()
    await (await answering).json()
  }
  const started = runtime.started()
  t.equal(started.length, 1, 'one process for all requests')
  const [{ pid, directory } = { pid: 0, directory: '' }] = started
  t.match((await (await fetch(`${url}/health`)).json()), { credentials: 'provider', runtime: 'running', model: 'test-model' })
  t.ok(alive(pid))
  const sessions = join(directory, 'session-state')
  while (readdirSync(sessions).length > 0) await immediate()
  t.same(readdirSync(sessions), [], 'what was said is not kept')
  t.same(await (await fetch(`${url}/models`)).json(), { models: [{ id: 'test-model' }] })

  await app.close()
  t.notOk(alive(pid), 'the process is gone')
  t.throws(() => readdirSync(directory), { code: 'ENOENT' }, 'and its directory')
})

test('a hundred questions, however they end, leave nothing behind', async t => {
  const runtime = tracedRuntime(t)
  const { url, model } = await sdkService(t, { ...runtime.env, COPILOT_PROJECT_DIR: realpathSync(t.testdirName) })
  const ends: Array<(call: ModelCall) => void> = [
    call => call.end(),
    call => call.end('length'),
    call => call.refuse(500, 'no'),
    call => call.cut(),
    call => call.callTool('project_list', {})
  ]
  const ask = async (i: number) => {
    const caller = new AbortController()
    const asking = post(`${url}/chat`, { prompt: 'Hi', mode: 'project-helper' }, { signal: caller.signal })
    const call = await model.next()
    const end = ends[i % 6]
    if (end) {
      if (i % 6 !== 2) call.say('ok')
      end(call)
      if (i % 6 === 4) {
        const next = await model.next()
        next.say('done')
        next.end()
      }
      await (await asking).text()
    } else {
      caller.abort()
      await t.rejects(asking)
      t.equal(await call.closed, false)
    }
  }
  const left = async () => {
    const directory = runtime.started()[0]?.directory ?? ''
    while (readdirSync(join(directory, 'session-state')).length > 0) await immediate()
    return {
      files: readdirSync(directory, { recursive: true }).filter(name => !/\.log$/.test(String(name))).length,
      listeners: process.eventNames().map(name => process.listenerCount(name)).reduce((a, b) => a + b, 0),
      processes: runtime.started().length
    }
  }
  for (let i = 0; i < 12; i++) await ask(i)
  const before = await left()
  for (let i = 0; i < 88; i++) await ask(i)
  t.same(await left(), before)
  t.match(await (await fetch(`${url}/health`)).json(), { sessions: 0 })
})
