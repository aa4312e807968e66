import { spawn } from 'node:child_process'
import type { ServerResponse } from 'node:http'
import { availableParallelism } from 'node:os'
import { setImmediate } from 'node:timers/promises'
import { test } from 'tap'
import { ask, pair, streams } from '../helper.ts'

test('while the event loop is blocked, new answers are refused, and all else is served', async t => {
  const replies: ServerResponse[] = []
  const { app, url } = await pair(t, {
    '/chat/stream': reply => { replies.push(reply.writeHead(200)) && reply.write('half ') },
    '/models': reply => reply.writeHead(404).end()
  }, { MAX_LOOP_DELAY_MS: '200' })
  const open = await ask(url, { prompt: 'Hi', resumable: true })
  const blocking = new AbortController()
  const blocked = (async () => {
    while (!blocking.signal.aborted) {
      for (const until = performance.now() + 300; performance.now() < until;);
      await setImmediate()
    }
  })()
  while (!app.isUnderPressure()) await setImmediate()

  const refused = await ask(url)
  t.equal(refused.status, 503)
  t.match(Object.fromEntries(refused.headers), { 'x-error-type': 'overloaded', 'retry-after': '5' })
  t.equal((await fetch(`${url}/health`)).status, 200)
  t.equal((await fetch(`${url}/api/models`)).status, 200)
  const again = await fetch(`${url}/api/chat/${open.headers.get('x-stream-id')}`)
  t.equal(again.status, 200)

  blocking.abort()
  await blocked
  replies[0]?.end('whole')
  t.equal(await open.text(), 'half whole')
  t.equal(await again.text(), 'half whole')
  while (app.isUnderPressure()) await setImmediate()
  t.equal((await ask(url)).status, 200)
})

test('a machine that is busy with other programs is no reason to refuse anybody', async t => {
  const { url } = await pair(t, { '/chat/stream': streams('fine') }, { RATE_LIMIT_MAX: '0' })
  // They end by themselves, whatever becomes of this test.
  const others = Array.from({ length: 4 * availableParallelism() }, () => spawn(process.execPath, ['-e', 'for (const end = Date.now() + 4_000; Date.now() < end;);'], { stdio: 'ignore' }))
  t.teardown(() => { for (const other of others) other.kill('SIGKILL') })
  const busy = Promise.all(others.map(async other => await new Promise(resolve => other.once('exit', resolve))))

  const statuses = new Set<number>()
  const ended = busy.then(() => true)
  const asking = async (): Promise<void> => {
    while (!await Promise.race([ended, false])) {
      const response = await ask(url)
      statuses.add(response.status)
      t.equal(await response.text(), 'fine')
    }
  }
  await Promise.all(Array.from({ length: 4 }, asking))
  t.strictSame([...statuses], [200])
})
