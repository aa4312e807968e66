import { createHash } from 'node:crypto'
import { test } from 'tap'
import { createChatClient } from '../../client/index.ts'
import type { Position } from '../../lib/answer/answer.ts'
import * as frames from '../../lib/sse/frames.ts'
import { begin, failure, scripted } from './reading.ts'

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
const at = (bytes: number): Position => ({ bytes, rest: 0 })
const done = (bytes: number): string => frames.done({ reason: 'complete', finishReason: null, bytes, sha256: sha256('text') }, at(bytes))
const whole = done(4)

const cases: Array<[string, string, string]> = [
  ['has another text', frames.delta('tact', at(4)) + whole, 'tact'],
  ['lacks its end', frames.delta('tex', at(3)) + whole, 'tex'],
  ['lacks a piece', frames.delta('te', at(2)) + frames.delta('t', at(4)) + whole, 'te'],
  ['has a piece twice', frames.delta('te', at(2)) + frames.delta('te', at(2)) + frames.delta('xt', at(4)) + whole, 'te']
]
for (const [what, wire, partial] of cases) {
  test(`an answer that ${what} is corrupt`, async t => {
    const { url, requests } = await scripted(t, reply => begin(reply, 's').end(wire))
    const answer = createChatClient({ baseUrl: url }).ask({ prompt: 'Hi', resumable: true })
    t.match(await failure(answer), { errorType: 'corrupt', status: 0, retryable: true, partial, requestId: 'r' })
    t.equal(requests.length, 1)
  })
}

test('of the rest of an answer only the size can be checked', async t => {
  const end = (bytes: number): string => frames.delta('xt', at(4)) + done(bytes)
  const { url } = await scripted(t, ...[4, 5, 4, 4].map(bytes => (reply: Parameters<typeof begin>[0]) => begin(reply, 's').end(end(bytes))))
  const client = createChatClient({ baseUrl: url })
  t.equal(await client.resume('s', { after: 2 }).text, 'xt')
  t.match(await failure(client.resume('s', { after: 2 })), { errorType: 'corrupt' })
  t.equal(await client.resume('s', { partial: 'te' }).text, 'text')
  t.match(await failure(client.resume('s', { partial: 'ta' })), { errorType: 'corrupt', partial: 'taxt' })
})

for (const [what, from] of [
  ['longer than where it is to be read on', { partial: 'Grüße ', position: '4.10' }],
  ['shorter than that', { partial: 'totally other', position: '17.16' }],
  ['shorter than the bytes that are known', { partial: 'Grü', after: 8 }],
  ['nothing, of an answer that is to be read on behind something', { partial: '', after: 8 }],
  ['two places at once', { after: 8, position: '4.10' }],
  ['no place', { position: 'x' }]
] as const) {
  test(`a resumption of what is ${what} is corrupt, and asks for nothing`, async t => {
    const { url, requests } = await scripted(t)
    const statuses: string[] = []
    const answer = createChatClient({ baseUrl: url }).resume('s', from, { onStatus: status => statuses.push(status) })
    t.match(await failure(answer), { errorType: 'corrupt', status: 0, partial: 'partial' in from ? from.partial : '' })
    t.strictSame(statuses, ['error'])
    t.equal(requests.length, 0)
  })
}

test('with what is there, size and digest are those of the whole answer', async t => {
  const end = frames.delta('xt', { bytes: 4, rest: 3 }) + done(4)
  const { url } = await scripted(t, ...[end, end, done(4), done(4)].map(wire => (reply: Parameters<typeof begin>[0]) => begin(reply, 's').end(wire)))
  const client = createChatClient({ baseUrl: url })
  const answer = client.resume('s', { partial: 'te', position: '2.3' })
  t.equal(await answer.text, 'text')
  t.equal(answer.bytes, 4)
  t.match(await failure(client.resume('s', { partial: 'to', position: '2.3' })), { errorType: 'corrupt' })
  t.match(await failure(client.resume('s', { partial: 'tact', after: 4 })), { errorType: 'corrupt' })
  t.match(await failure(client.resume('s', { partial: 'tex', after: 3 })), { errorType: 'corrupt' })
})

test('without Web Crypto only the size is checked', async t => {
  const { subtle } = globalThis.crypto
  Object.defineProperty(globalThis.crypto, 'subtle', { value: undefined, configurable: true })
  t.teardown(() => Object.defineProperty(globalThis.crypto, 'subtle', { value: subtle }))
  const { url } = await scripted(t, reply => begin(reply).end(frames.delta('tact', at(4)) + whole), reply => begin(reply).end(frames.delta('tex', at(3)) + whole))
  const client = createChatClient({ baseUrl: url })
  t.equal(await client.ask({ prompt: 'Hi' }).text, 'tact')
  t.match(await failure(client.ask({ prompt: 'Hi' })), { errorType: 'corrupt' })
})
