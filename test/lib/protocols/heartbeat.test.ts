import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { AnswerStream, type Frames } from '../../../lib/protocols/answer-stream.ts'

const frames: Frames = { begin: () => '', text: text => text, reasoning: () => '', tool: () => '', end: () => '', fail: () => '', heartbeat: ': hb\n' }

test('a reader that takes nothing has one heartbeat waiting for it, and gets further ones once it reads', async t => {
  const stream = new AnswerStream(frames, 1)
  t.teardown(() => stream.destroy())
  stream.open()
  // Dozens of heartbeats on any machine; fewer only prove less.
  await sleep(60)
  t.equal(stream.readableLength, frames.heartbeat.length)
  let read = ''
  for await (const chunk of stream) {
    read += String(chunk)
    if (read.length >= 3 * frames.heartbeat.length) break
  }
  t.equal(read, frames.heartbeat.repeat(3))
})
