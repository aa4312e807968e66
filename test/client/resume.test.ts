import { createHash } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { type Test, test } from 'tap'
import { type Answer, createChatClient } from '../../client/index.ts'
import * as frames from '../../lib/sse/frames.ts'
import { pair } from '../helper.ts'
import { type Proxy, proxy } from './proxy.ts'
import { begin, failure, pieces, quick, scripted, Statuses } from './reading.ts'

/** A resumable answer behind a network that the test can break; the test writes every byte of it. */
async function answering (t: Test, environment: Record<string, string> = {}, reconnect: object = quick) {
  let reply: ServerResponse | undefined
  const setUp = await pair(t, { '/chat/stream': begun => { reply = begun; begun.writeHead(200).write('Grüße ') } }, environment)
  const network: Proxy = await proxy(t, setUp.port)
  const statuses = new Statuses()
  const client = createChatClient({ baseUrl: network.url, reconnect })
  const streaming = statuses.next('streaming')
  const answer: Answer = client.ask({ prompt: 'Hi', resumable: true }, statuses)
  await streaming
  if (!reply) throw new Error('the upstream was not asked')
  return { ...setUp, network, statuses, client, answer, reply }
}

test('an answer whose connection is lost, again and again, is read on without a byte lost or doubled', async t => {
  const { answer, network, reply, statuses, service } = await answering(t)
  const read = pieces(answer)
  for (const piece of ['aus ', 'Köln', ' 🌍']) {
    const back = statuses.next('streaming')
    network.cut()
    reply.write(piece)
    await back
  }
  reply.end('!')
  t.equal(await answer.text, 'Grüße aus Köln 🌍!')
  t.equal((await read).join(''), 'Grüße aus Köln 🌍!')
  t.match(answer, { status: 'done', bytes: 23 })
  t.match(statuses.all.slice(0, 3), ['streaming', 'reconnecting', 'streaming'])
  t.equal(service.requests.length, 1, 'the question was asked once')
})

test('a connection that dies without a word is found out', async t => {
  const { answer, network, reply, statuses } = await answering(t, { SSE_HEARTBEAT_MS: '50' }, { ...quick, silence: 500 })
  const reconnecting = statuses.next('reconnecting')
  network.freeze()
  await reconnecting
  reply.end('aus Köln')
  t.equal(await answer.text, 'Grüße aus Köln')
})

test('a slow model\'s answer is not lost before its first byte', async t => {
  let reply: ServerResponse | undefined
  const { port } = await pair(t, { '/chat/stream': begun => { reply = begun } }, { SSE_HEARTBEAT_MS: '10' })
  const network = await proxy(t, port)
  const statuses = new Statuses()
  const [lost, back] = [statuses.next('reconnecting'), statuses.next('waiting')]
  const answer = createChatClient({ baseUrl: network.url, reconnect: quick }).ask({ prompt: 'Hi', resumable: true }, { ...statuses, onOpen: ({ streamId }) => { if (streamId && statuses.all.length === 0) network.cut() } })
  await lost
  await back
  reply?.writeHead(200).end('at last')
  t.equal(await answer.text, 'at last')
  t.strictSame(statuses.all, ['reconnecting', 'waiting', 'streaming', 'done'])
})

test('when the network does not come back, the client gives up in the end; later the page may go on itself', async t => {
  const { answer, network, client, port, reply } = await answering(t, {}, { ...quick, tries: 3 })
  network.target = undefined
  network.cut()
  const { partial, errorType } = await failure(answer)
  t.match({ partial, errorType }, { partial: 'Grüße ', errorType: 'network' })
  t.equal(answer.status, 'error')

  network.target = port
  reply.end('aus Köln')
  const resumed = client.resume(answer.streamId ?? '', { partial })
  t.strictSame(await pieces(resumed), ['aus Köln'])
  t.equal(await resumed.text, 'Grüße aus Köln', 'the whole answer, its digest checked')
  const rest = client.resume(answer.streamId ?? '', { after: 8 })
  t.equal(await rest.text, 'aus Köln')
  t.equal(rest.bytes, 17)
  t.equal(await client.resume(answer.streamId ?? '').text, 'Grüße aus Köln')
  for (const [after, text] of [[3, 'üße aus Köln'], [13, 'öln'], [14, 'öln']] as const) {
    const within = client.resume(answer.streamId ?? '', { after })
    t.equal(await within.text, text, `from byte ${after} on, in whole characters`)
    t.equal(within.bytes, 17, 'of the whole text')
  }
})

test('with tries: 0 it never reconnects', async t => {
  const { answer, network } = await answering(t, {}, { tries: 0 })
  network.cut()
  t.match(await failure(answer), { errorType: 'network', partial: 'Grüße ' })
})

test('an answer that the gateway does not know is not found, at once', async t => {
  const { url } = await pair(t, {})
  t.match(await failure(createChatClient({ baseUrl: url }).resume('A'.repeat(22))), { errorType: 'not_found', status: 404 })
})

test('an answer that failed meanwhile says why', async t => {
  const { client, answer, reply } = await answering(t)
  reply.destroy()
  await failure(answer)
  t.match(await failure(client.resume(answer.streamId ?? '')), { errorType: 'connection', partial: 'Grüße ' })
  t.match(await failure(client.resume(answer.streamId ?? '', { after: 9 })), { errorType: 'past_the_end', status: 416 })
})

test('when the gateway shuts down, the rest is read from where it went', async t => {
  const { app, network, answer, service } = await answering(t, { DRAIN_TIMEOUT_MS: '100' })
  const sha256 = createHash('sha256').update('Grüße aus Köln').digest('hex')
  const elsewhere = await scripted(t,
    reply => reply.writeHead(503, { 'content-type': 'application/json', 'x-error-type': 'draining', 'retry-after': '5' }).end('{"error":"The gateway is shutting down","errorType":"draining"}'),
    reply => reply.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Bad gateway</h1>'),
    reply => begin(reply, 's').end(frames.delta('aus Köln', { bytes: 17, rest: 0 }) + frames.done({ reason: 'complete', finishReason: null, bytes: 17, sha256 }, { bytes: 17, rest: 0 }))
  )
  network.target = elsewhere.port
  app.close().catch(() => {})
  t.equal(await answer.text, 'Grüße aus Köln')
  t.strictSame(elsewhere.requests.map(({ method, url, headers }) => [method, url, headers['last-event-id']]), Array(3).fill(['GET', `/api/chat/${answer.streamId}`, '8']))
  t.equal(service.requests.length, 1)
})

test('when nobody is left who would have it, that is a network error', async t => {
  const { url, requests } = await scripted(t, reply => begin(reply, 's').end(frames.reconnect({ bytes: 0, rest: 0 })))
  t.match(await failure(createChatClient({ baseUrl: url, reconnect: { tries: 0 } }).ask({ prompt: 'Hi', resumable: true })), { errorType: 'network', message: /shut down/ })
  t.equal(requests.length, 1)
})
