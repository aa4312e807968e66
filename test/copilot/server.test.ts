import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { test } from 'tap'
import { pieces, post } from './helper.ts'
import { serverProcess } from './process.ts'

test('the process serves until it is told to end, and lets the answer in flight end', async t => {
  const server = serverProcess(t, {})
  const url = await server.url()
  t.match(url, /^http:\/\/127\.0\.0\.1:\d+$/)
  t.match(await server.line(/ready/), { engine: 'demo' })

  const answer = pieces(await post(`${url}/chat/stream`, { prompt: 'Hi' }))
  let read = (await answer.next()).value
  server.child.kill('SIGTERM')
  t.match(await server.line(/draining/), { signal: 'SIGTERM' })
  await t.rejects(fetch(`${url}/health`), 'nobody else is let in')
  for (let piece = await answer.next(); !piece.done; piece = await answer.next()) read += piece.value
  t.match(read, /^This is a demo answer.* start again\.\n$/s)
  t.equal(await server.exited, 0)
})

test('an answer that outlives the drain is cut, never ended', async t => {
  const server = serverProcess(t, { DRAIN_TIMEOUT_MS: '10' })
  const url = await server.url()
  const answer = pieces(await post(`${url}/chat/stream`, { prompt: 'Hi' }))
  await answer.next()
  server.child.kill('SIGINT')
  await t.rejects(async () => { while (!(await answer.next()).done); })
  t.equal(await server.exited, 1)
})

test('a bad configuration, be it from .env, is one line and exit code 1', async t => {
  const server = serverProcess(t, {}, t.testdir({ '.env': 'COPILOT_ENGINE=magic\n' }))
  t.equal(await server.exited, 1)
  t.equal(await server.errors, 'COPILOT_ENGINE must be one of auto, sdk, demo, not "magic"\n')
})

test('a port in use is one line and exit code 1', async t => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.teardown(() => other.close())
  const server = serverProcess(t, { COPILOT_PORT: String((other.address() as AddressInfo).port) })
  t.equal(await server.exited, 1)
  t.match(await server.errors, /^listen EADDRINUSE: [^\n]+ choose another port by COPILOT_PORT\n$/)
})

test('a .env that cannot be read as settings stops it with one line', async t => {
  for (const [file, why] of [[{}, /^\.env cannot be read: it is a directory[^\n]*\n$/], [Buffer.from('COPILOT_ENGINE=demo', 'utf16le'), /^\.env cannot be read: [^\n]*UTF-16[^\n]*\n$/]] as const) {
    const server = serverProcess(t, {}, t.testdir({ '.env': file }))
    t.equal(await server.exited, 1)
    t.match(await server.errors, why)
  }
})

test('SIGHUP changes nothing, and the log says so', async t => {
  const server = serverProcess(t, {})
  const url = await server.url()
  server.child.kill('SIGHUP')
  await server.line(/^SIGHUP: nothing is reloaded/)
  t.equal((await fetch(`${url}/health`)).status, 200)
})
