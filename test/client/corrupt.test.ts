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

test('without Web Crypto only the size is checked', async t => {
  const { subtle } = globalThis.crypto
  Object.defineProperty(globalThis.crypto, 'subtle', { value: undefined, configurable: true })
  t.teardown(() => Object.defineProperty(globalThis.crypto, 'subtle', { value: subtle }))
  const { url } = await scripted(t, reply => begin(reply).end(frames.delta('tact', at(4)) + whole), reply => begin(reply).end(frames.delta('tex', at(3)) + whole))
  const client = createChatClient({ baseUrl: url })
  t.equal(await client.ask({ prompt: 'Hi' }).text, 'tact')
  t.match(await failure(client.ask({ prompt: 'Hi' })), { errorType: 'corrupt' })
})
