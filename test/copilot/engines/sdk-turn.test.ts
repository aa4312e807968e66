import type { SessionEvent } from '@github/copilot-sdk'
import { once } from 'node:events'
import { test } from 'tap'
import { CopilotError } from '../../../copilot/copilot-error.ts'
import { Turn } from '../../../copilot/engines/sdk-turn.ts'

/** The events that the real SDK 1.0.14 was seen to send for a short answer, as far as they matter here; to be told in part. */
function event (type: string, data: object = {}): SessionEvent {
  return { id: 'e', parentId: null, timestamp: '2026-01-01T00:00:00Z', type, data } as SessionEvent
}

const word = event('assistant.message_delta', { messageId: 'm', deltaContent: 'Hello' })
const message = event('assistant.message', { messageId: 'm', content: 'Hello', toolRequests: [] })
const usage = (finishReason?: string) => event('assistant.usage', { model: 'x', finishReason, inputTokens: 1, outputTokens: 1 })
const loopEnd = event('assistant.turn_end', { turnId: '0' })
const idle = event('session.idle')
const shutdown = (shutdownType: string, errorReason?: string) => event('session.shutdown', { shutdownType, errorReason })

async function turnOf (...told: SessionEvent[]): Promise<{ turn: Turn, text: () => Promise<string> }> {
  const turn = new Turn(({ message }) => new CopilotError('sdk', message))
  await turn.mayAsk()
  for (const one of told) turn.handle(one)
  return { turn, text: async () => (await turn.toArray()).map(({ bytes = '' }) => bytes.toString()).join('') }
}

test('a turn ends by whichever event comes first that says so', async t => {
  const orders: Record<string, SessionEvent[]> = {
    'the loop’s end after the numbers': [usage('stop'), word, message, loopEnd],
    'the numbers after the loop’s end': [word, message, loopEnd, usage('stop')],
    'idle without numbers': [word, event('assistant.message', { messageId: 'm', content: 'Hello' }), idle],
    'shutdown after the numbers': [word, message, usage('stop'), shutdown('routine')],
    'silence after the numbers': [word, message, usage('stop')]
  }
  for (const [name, told] of Object.entries(orders)) {
    const { turn, text } = await turnOf(...told)
    t.equal(await text(), 'Hello', name)
    t.equal(turn.ending.finishReason, name === 'idle without numbers' ? null : 'stop')
    turn.handle(word)
  }
})

test('what the runtime does after an answer that was broken off is not told', async t => {
  for (const last of [loopEnd, event('session.error', { message: 'no' }), event('model.call_failure', { statusCode: 400 }), shutdown('routine')]) {
    const { turn, text } = await turnOf(word, usage('length'))
    t.equal(await turn.mayAsk(), false, 'no further call')
    turn.handle(last)
    t.equal(await text(), 'Hello')
    t.equal(turn.ending.finishReason, 'length')
  }
})

test('a session that is shut down before its answer has ended fails it', async t => {
  for (const [reason, expected] of [['out of disk', 'out of disk'], [undefined, 'The session of GitHub Copilot was shut down']] as const) {
    const { text } = await turnOf(word, shutdown('error', reason))
    await t.rejects(text(), { errorType: 'sdk', message: expected })
  }
})

test('an end of its own that no contract names is no end at all', async t => {
  const { turn, text } = await turnOf(word, usage('other'), loopEnd)
  t.equal(await text(), 'Hello')
  t.equal(turn.ending.finishReason, null)
})

test('a further call waits for what is said of the last one, and for no more than a second', async t => {
  const { turn } = await turnOf()
  const asked = turn.mayAsk()
  turn.handle(word)
  turn.handle(usage('length'))
  t.equal(await asked, false)
  turn.destroy()

  const { turn: silent } = await turnOf(word)
  t.equal(await silent.mayAsk(), true)
  const more = silent.mayAsk()
  silent.destroy()
  t.equal(await more, false, 'and a turn that is over asks nothing')
})

test('a tool that runs long does not end its turn', async t => {
  const asks = event('assistant.message', { messageId: 'm', content: '', toolRequests: [{ toolCallId: 'c', name: 'n' }] })
  const { turn, text } = await turnOf(word, usage('stop'), asks, loopEnd)
  const ended = once(turn.over, 'abort').then(() => 'ended')
  t.equal(await Promise.race([ended, turn.mayAsk().then(() => 'goes on')]), 'goes on')
  turn.handle(event('tool.execution_complete', { toolCallId: 'unknown', success: true, result: { content: 'ok' } }))
  turn.handle(usage('stop'))
  turn.handle(loopEnd)
  await ended
  t.match(await text(), 'Hello')
})
