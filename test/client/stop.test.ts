import { once } from 'node:events'
import { test } from 'tap'
import { createChatClient } from '../../client/index.ts'
import { closeOf, pair, type Script, streams } from '../helper.ts'
import { proxy } from './proxy.ts'
import { failure, pieces, quick, Statuses } from './reading.ts'

const forEver: Script = reply => reply.writeHead(200).write('for ever')

for (const resumable of [false, true]) {
  const kind = resumable ? 'a resumable answer' : 'an answer'

  test(`a stop of ${kind} reaches the upstream`, async t => {
    const { url, service, log } = await pair(t, { '/chat/stream': forEver })
    const statuses = new Statuses()
    const streaming = statuses.next('streaming')
    const answer = createChatClient({ baseUrl: url }).ask({ prompt: 'Hi', resumable }, statuses)
    await streaming
    const { socket } = (await service.request()).raw
    await Promise.all([answer.stop(), answer.stop(), closeOf(socket)])
    t.match(answer, { status: 'stopped', partial: 'for ever' })
    t.match(await failure(answer), { errorType: 'stopped', status: 0, retryable: false, partial: 'for ever' })
    await t.rejects(pieces(answer), { message: 'The answer was stopped', errorType: 'stopped' })
    t.strictSame(statuses.all, ['streaming', 'stopped'])
    if (resumable) t.match(await log.line(({ msg }) => msg === 'resumable answer ended'), { ended: 'stopped' })
  })

  test(`the signal stops ${kind}, before its first byte as well`, async t => {
    const { url, service } = await pair(t, { '/chat/stream': () => {} })
    const leaving = new AbortController()
    const answer = createChatClient({ baseUrl: url }).ask({ prompt: 'Hi', resumable }, { signal: leaving.signal })
    const { socket } = (await service.request()).raw
    leaving.abort()
    t.equal(answer.status, 'stopped')
    await closeOf(socket)
  })
}

test('a signal that is aborted already asks nothing', async t => {
  const { url, service, log } = await pair(t, { '/chat/stream': streams('x') })
  const client = createChatClient({ baseUrl: url })
  for (const resumable of [false, true]) {
    const answer = client.ask({ prompt: 'one', resumable }, { signal: AbortSignal.abort() })
    t.equal(answer.status, 'stopped')
    await t.rejects(answer.text)
    await answer.stop()
  }
  await client.ask({ prompt: 'two' }).text
  t.strictSame(service.requests.map(({ json }) => json.prompt), ['two'])
  await log.ended()
  t.equal(log.lines.filter(({ msg }) => msg === 'request ended').length, 1)
})

test('an answer that another reader stops is stopped', async t => {
  const { url } = await pair(t, { '/chat/stream': forEver })
  const client = createChatClient({ baseUrl: url })
  const statuses = new Statuses()
  const streaming = statuses.next('streaming')
  const answer = client.ask({ prompt: 'Hi', resumable: true }, statuses)
  const { streamId = '' } = await streaming
  await client.resume(streamId).stop()
  t.match(await failure(answer), { errorType: 'stopped', partial: 'for ever' })
  t.equal(answer.status, 'stopped')
})

test('an answer can be stopped while the client is reconnecting, and a gateway that cannot be told is no failure', async t => {
  const { port, service } = await pair(t, { '/chat/stream': forEver }, { RESUME_GRACE_MS: '50' })
  const network = await proxy(t, port)
  const statuses = new Statuses()
  const streaming = statuses.next('streaming')
  const reconnecting = statuses.next('reconnecting')
  const answer = createChatClient({ baseUrl: network.url, reconnect: { delay: 1e6, maxDelay: 1e6 } }).ask({ prompt: 'Hi', resumable: true }, statuses)
  await streaming
  const { socket } = (await service.request()).raw
  const closed = once(socket, 'close')
  network.target = undefined
  network.cut()
  await reconnecting
  await answer.stop()
  t.equal(answer.status, 'stopped')
  await closed
})

test('nothing that comes after a stop is shown', async t => {
  const { url } = await pair(t, { '/chat/stream': streams('one ', 'two ', 'three') })
  const answer = createChatClient({ baseUrl: url, reconnect: quick }).ask({ prompt: 'Hi' }, { onEvent: ({ event }) => { if (event === 'delta') void answer.stop() } })
  t.match(await failure(answer), { errorType: 'stopped', partial: answer.partial })
  t.not(answer.partial, 'one two three')
})
