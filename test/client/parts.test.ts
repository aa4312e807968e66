import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { test } from 'tap'
import { type AnswerPart, type ChatEvent, createChatClient, type Retry } from '../../client/index.ts'
import * as frames from '../../lib/sse/frames.ts'
import { begin, failure, pieces, quick, scripted } from './reading.ts'

const TEXT = 'Grüße aus Köln'
const sha256 = createHash('sha256').update(TEXT).digest('hex')
const usage = { inputTokens: 12, outputTokens: 7, reasoningTokens: 3 }
const running = { id: 't1', name: 'read_file', state: 'running', input: { path: 'a.ts' } } as const
const read = { id: 't1', name: 'read_file', state: 'done', output: '12 lines' } as const

/** An answer with everything that one can have, as the gateway tells it; text is counted before the dot, the rest behind it. */
const TAPE: ReadonlyArray<{ frame: string, id: string, part: AnswerPart }> = [
  { id: '0.6', frame: frames.reasoning('Let me', { bytes: 0, rest: 6 }), part: { type: 'reasoning', text: 'Let me' } },
  { id: '0.7', frame: frames.tool(running, { bytes: 0, rest: 7 }), part: { type: 'tool', ...running } },
  { id: '8.7', frame: frames.delta('Grüße ', { bytes: 8, rest: 7 }), part: { type: 'text', text: 'Grüße ' } },
  { id: '8.8', frame: frames.tool(read, { bytes: 8, rest: 8 }), part: { type: 'tool', ...read } },
  { id: '8.14', frame: frames.reasoning(' see.', { bytes: 8, rest: 14 }), part: { type: 'reasoning', text: ' see.' } },
  { id: '17.14', frame: frames.delta('aus Köln', { bytes: 17, rest: 14 }), part: { type: 'text', text: 'aus Köln' } }
]
const END = { bytes: 17, rest: 14 }
const done = (reason: frames.DoneReason, finishReason: 'stop' | 'length' | 'content_filter'): string =>
  frames.done({ reason, finishReason, bytes: 17, sha256, usage, model: 'gpt-x' }, END)
const whole = done('complete', 'stop')

/** Tells the tape behind what a request says that it knows, `count` parts of it, and then breaks off or ends. */
const tell = (count: number, end?: string) => (reply: ServerResponse, { headers }: IncomingMessage): void => {
  const from = TAPE.findIndex(({ id }) => id === headers['last-event-id']) + 1
  begin(reply, 's').write(TAPE.slice(from, from + count).map(({ frame }) => frame).join('') || ': nothing\n', () => end === undefined ? reply.destroy() : reply.end(end))
}

test('reasoning and tools are parts of an answer, and its text is the text alone', async t => {
  const { url } = await scripted(t, tell(9, whole))
  const heard: AnswerPart[] = []
  const events: ChatEvent[] = []
  const answer = createChatClient({ baseUrl: url }).ask({ prompt: 'Hi', resumable: true, effort: 'low' }, { onPart: part => heard.push(part), onEvent: event => events.push(event) })
  t.match(answer, { finishReason: undefined, usage: undefined, model: undefined, position: '0' })
  const iterated: AnswerPart[] = []
  for await (const part of answer.parts) iterated.push(part)
  t.strictSame(iterated, TAPE.map(({ part }) => part))
  t.strictSame(heard, iterated)
  t.strictSame(await pieces(answer), ['Grüße ', 'aus Köln'])
  t.equal(await answer.text, TEXT)
  t.match(answer, { status: 'done', bytes: 17, position: '17.14', finishReason: 'stop', usage, model: 'gpt-x' })
  t.match(events.at(-1), { event: 'done', id: '17.14.end' })
})

test('an answer whose connection is lost behind any part is read on behind that very part', async t => {
  for (let count = 1; count <= TAPE.length; count++) {
    const cuts = Array.from({ length: Math.ceil(TAPE.length / count) }, () => tell(count))
    const { url, requests } = await scripted(t, ...cuts, tell(9, whole))
    const answer = createChatClient({ baseUrl: url, reconnect: quick }).ask({ prompt: 'Hi', resumable: true })
    t.equal(await answer.text, TEXT)
    const heard: AnswerPart[] = []
    for await (const part of answer.parts) heard.push(part)
    t.strictSame(heard, TAPE.map(({ part }) => part), `${count} at a time`)
    t.strictSame(requests.slice(1).map(({ headers }) => headers['last-event-id']), cuts.map((_, index) => TAPE[Math.min((index + 1) * count, TAPE.length) - 1]?.id))
  }
})

test('a page that kept the position gets every later part once, and the whole text checked', async t => {
  const { url, requests } = await scripted(t, tell(9, whole))
  const answer = createChatClient({ baseUrl: url }).resume('s', { partial: 'Grüße ', position: '8.8' })
  const heard: AnswerPart[] = []
  for await (const part of answer.parts) heard.push(part)
  t.strictSame(heard, TAPE.slice(4).map(({ part }) => part))
  t.equal(await answer.text, TEXT)
  t.equal(requests[0]?.headers['last-event-id'], '8.8')
})

for (const [reason, finishReason, message] of [['length', 'length', /longest that the model may write/], ['filtered', 'content_filter', /held back by a content filter/]] as const) {
  test(`an answer that ends by ${finishReason} is not whole, and says so in words of its own`, async t => {
    const { url, requests } = await scripted(t, tell(9, done(reason, finishReason)))
    const answer = createChatClient({ baseUrl: url, reconnect: quick }).ask({ prompt: 'Hi', resumable: true })
    t.match(await failure(answer), { errorType: reason, message, retryable: false, status: 0, partial: TEXT })
    t.match(answer, { status: 'error', finishReason, usage })
    t.equal(await pieces(answer).catch((error: unknown) => error), answer.error)
    t.equal(requests.length, 1)
  })
}

test('an answer that ends by length and lacks a piece is corrupt before all', async t => {
  const { url } = await scripted(t, tell(5, done('length', 'length')))
  t.match(await failure(createChatClient({ baseUrl: url }).ask({ prompt: 'Hi' })), { errorType: 'corrupt' })
})

test('an older gateway\'s answer has no finish reason and no usage', async t => {
  const { url } = await scripted(t, reply => begin(reply).end(`id: 17\nevent: delta\ndata: {"text":"${TEXT}"}\n\nevent: done\ndata: {"reason":"complete","bytes":17,"sha256":"${sha256}"}\n\n`))
  const answer = createChatClient({ baseUrl: url }).ask({ prompt: 'Hi' })
  t.equal(await answer.text, TEXT)
  t.match(answer, { finishReason: null, usage: undefined, position: '17' })
})

test('a wait for another try says which it is and when it ends, and can be ended', async t => {
  const { url } = await scripted(t, tell(1), tell(0), tell(9, whole))
  const retries: Retry[] = []
  const answer = createChatClient({ baseUrl: url, reconnect: { delay: 1e6, maxDelay: 1e6, tries: 4 } }).ask({ prompt: 'Hi', resumable: true }, {
    onRetry: (retry, answer) => {
      retries.push(retry)
      answer.retryNow()
    }
  })
  answer.retryNow()
  t.equal(await answer.text, TEXT)
  answer.retryNow()
  t.match(retries, [{ attempt: 1, tries: 4 }, { attempt: 2, tries: 4 }])
  t.ok(retries.every(({ at }) => at > Date.now() + 100_000))
})
