import { createHash } from 'node:crypto'
import { PassThrough, Readable } from 'node:stream'
import fc from 'fast-check'
import { test } from 'tap'
import type { Ending, Part } from '../../../lib/answer/answer.ts'
import { EventReply } from '../../../lib/copilot/event-reply.ts'
import { GatewayError } from '../../../lib/errors.ts'

/** What came of a reply: its parts, consecutive ones of a kind joined, and how it ended. */
interface Outcome { readonly begun: boolean | string, readonly parts: unknown[], readonly ending?: Ending, readonly failure?: string }

async function outcome (chunks: Iterable<Buffer>): Promise<Outcome> {
  return await read(new EventReply(Readable.from(chunks, { objectMode: true }), ['secret-token']))
}

async function read (reply: EventReply): Promise<Outcome> {
  const parts: Array<{ type: string, text: string } | Part> = []
  const begun = reply.begun.then(() => true, (error: GatewayError) => error.errorType)
  try {
    for await (const value of reply) {
      const part: Part = value
      const last = parts.at(-1)
      if (part.type === 'tool') parts.push(part)
      else if (last?.type === part.type && 'text' in last) last.text += part.bytes.toString()
      else parts.push({ type: part.type, text: part.bytes.toString() })
    }
    return { begun: await begun, parts, ending: reply.ending }
  } catch (error) {
    return { begun: await begun, parts, failure: error instanceof Error ? error.message : '' }
  }
}

const frame = (event: string, data: unknown) => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`
const say = (...events: string[]) => outcome([Buffer.from(events.join(''))])
const hello = frame('delta', { text: 'Hello' })

/** A chunk wherever `cuts` say. */
function split (bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const at = [0, ...[...new Set(cuts.map(cut => cut % (bytes.length + 1)))].sort((a, b) => a - b), bytes.length]
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end)).filter(({ length }) => length > 0)
}

test('no split of bytes, of lines or of characters changes what is told', async t => {
  const text = 'Grüße 🌍\r\n"x"'
  const whole = ['\ufeff: hi\n', frame('start', { requestId: 'x' }), frame('reasoning', { text: '思' }), hello,
    frame('tool', { id: '1', name: 'read', state: 'done', input: { a: 1 }, output: 'é' }), frame('news', 7),
    'id: 7\nretry: 5\nodd: field\nevent: delta\ndata: {"text":\ndata: ' + JSON.stringify(text) + '}\n\n', 'data: no event\n\n',
    frame('done', { reason: 'complete', finishReason: 'stop', bytes: 5 + Buffer.byteLength(text), usage: { inputTokens: 3, outputTokens: 4, reasoningTokens: -1, cachedInputTokens: 0.5 }, model: 'm' })].join('')
  const expected = {
    begun: true,
    parts: [{ type: 'reasoning', text: '思' }, { type: 'text', text: 'Hello' }, { type: 'tool', id: '1', name: 'read', state: 'done', input: { a: 1 }, output: 'é' }, { type: 'text', text }],
    ending: { finishReason: 'stop', usage: { inputTokens: 3, outputTokens: 4 }, model: 'm' }
  }
  for (const end of ['\n', '\r\n', '\r']) {
    const bytes = Buffer.from(whole.replaceAll('\n', end))
    t.strictSame(await outcome([...bytes].map(byte => Buffer.from([byte]))), expected, 'byte by byte')
    for (let cut = 0; cut <= bytes.length; cut++) {
      const seen = await outcome(split(bytes, [cut]))
      if (JSON.stringify(seen) !== JSON.stringify(expected)) t.strictSame(seen, expected, `cut at ${cut}`)
    }
  }
})

const pieces = fc.array(fc.oneof(
  fc.record({ type: fc.constantFrom('text', 'reasoning'), text: fc.string({ unit: 'binary', minLength: 1, maxLength: 8 }) }),
  fc.record({ type: fc.constant('tool'), id: fc.string(), name: fc.string(), state: fc.constantFrom('running', 'done', 'failed') })
), { maxLength: 8 })

test('of any tape, cut anywhere, what came is told, and it is whole only when all of it came', async t => {
  await fc.assert(fc.asyncProperty(pieces, fc.array(fc.nat()), fc.option(fc.nat()), fc.constantFrom('stop', 'length', 'content_filter', null), async (tape, cuts, end, finishReason) => {
    const text = tape.map(piece => 'text' in piece && piece.type === 'text' ? piece.text : '').join('')
    const bytes = Buffer.from([
      // Text that is split within a character of two code units, as a service that counts code units does.
      ...tape.flatMap(piece => 'text' in piece
        ? piece.text.split('').map(text => frame(piece.type === 'text' ? 'delta' : 'reasoning', { text }))
        : [frame('tool', piece)]),
      frame('done', { finishReason, bytes: Buffer.byteLength(text), sha256: createHash('sha256').update(text).digest('hex') })
    ].join(''))
    const seen = await outcome(split(end === null ? bytes : bytes.subarray(0, end % bytes.length), cuts))
    const told = (parts: readonly unknown[]) => JSON.stringify(parts.reduce<unknown[]>((joined, part) => {
      const last = joined.at(-1)
      if (isText(part) && isText(last) && last.type === part.type) joined.splice(-1, 1, { type: part.type, text: last.text + part.text })
      else joined.push(part)
      return joined
    }, []))
    if (end !== null) return seen.failure !== undefined && seen.ending === undefined
    if (text === '' && (finishReason === null || finishReason === 'stop')) return seen.failure === 'Copilot service sent an empty answer' && seen.begun === (tape.length > 0 ? true : 'stream_empty')
    return told(seen.parts) === told(tape) && seen.ending?.finishReason === finishReason
  }), { seed: 11, numRuns: 300 })
  t.pass()
})

function isText (part: unknown): part is { type: string, text: string } {
  return typeof part === 'object' && part !== null && 'text' in part
}

const failures: Record<string, [events: string[], failure: RegExp, parts?: number]> = {
  'no end': [[hello], /The connection to Copilot service was lost/, 1],
  'nothing but an end within a frame': [[hello, 'event: done\ndata: {}\n'], /was lost/, 1],
  reconnect: [[hello, frame('reconnect', { after: 5 })], /was lost/, 1],
  'another number of bytes': [[hello, frame('done', { bytes: 4 })], /5 bytes of text where its end says another/, 1],
  'another digest': [[hello, frame('done', { sha256: 'x' })], /digest/, 1],
  'a digest that is none': [[hello, frame('done', { sha256: 7 })], /digest/, 1],
  'an unknown finish reason': [[hello, frame('done', { finishReason: 'tool_calls' })], /not known/, 1],
  'an unknown reason': [[hello, frame('done', { reason: 'odd' })], /not known/, 1],
  'a reason by the name of a property that every object has': [[hello, frame('done', { reason: 'toString' })], /not known/, 1],
  'a reason that is no text': [[hello, frame('done', { finishReason: 7 })], /not known/, 1],
  stopped: [[hello, frame('done', { reason: 'stopped' })], /The answer was stopped/, 1],
  'more behind the end': [[hello, frame('done', {}), hello], /goes on behind its end/, 1],
  'no JSON': [['event: delta\ndata: {\n\n'], /no JSON object/],
  'no object': [[frame('delta', 7)], /no JSON object/],
  'no text': [[frame('delta', { text: 7 })], /no text/],
  'a tool without a name': [[frame('tool', { id: '1', state: 'done' })], /no id, name or state/],
  'half of a character in the name of a tool': [[frame('tool', { id: '1', name: 'x\ud800', state: 'done' })], /half of a character/],
  'half of a character in what a tool was given': [[frame('tool', { id: '1', name: 'x', state: 'running', input: { paths: ['\udfff'] } })], /half of a character/],
  'half of a character in what a tool gave': [[frame('tool', { id: '1', name: 'x', state: 'done', output: '\ud83d' })], /half of a character/],
  'an odd tool': [[frame('tool', { id: '1', name: 'x', state: 'odd' })], /no id, name or state/],
  'half of a character': [[frame('delta', { text: 'a\udf0d' })], /half of a character/],
  'half of a character and no more': [[frame('delta', { text: 'a\ud83c' }), frame('done', {})], /half of a character/, 1],
  'two halves at once': [[frame('delta', { text: '\ud83c' }), frame('reasoning', { text: '\ud83c' })], /half of a character/],
  'an event without end': [['data: ' + 'x'.repeat(5_000_000)], /too large/],
  'thoughts and then nothing': [[frame('reasoning', { text: 'hm' }), frame('done', {})], /empty answer/, 1],
  'a reported error': [[hello, frame('error', { errorType: 'sdk', status: 500, message: 'broke with secret-token' })], /^broke with \[redacted\]$/, 1],
  'a reported limit': [[frame('error', { errorType: 'rate_limited' })], /Copilot is rate limiting/],
  'an error without words': [[frame('error', {})], /Copilot service returned an error/]
}
for (const [name, [events, failure, parts = 0]] of Object.entries(failures)) {
  test(`fails behind what came: ${name}`, async t => {
    const seen = await say(...events)
    t.match(seen.failure, failure)
    t.equal(seen.parts.length, parts)
  })
}

test('an end that is not whole needs no text, and a reason of the event counts', async t => {
  t.strictSame(await say(frame('done', { reason: 'length' })), { begun: true, parts: [], ending: { finishReason: 'length' } })
  t.match((await say(hello, frame('done', { reason: 'filtered', finishReason: null, sha256: createHash('sha256').update('Hello').digest('hex').toUpperCase(), usage: { inputTokens: 1 } }))).ending, { finishReason: 'content_filter', usage: { inputTokens: 1 } })
  t.match((await say(hello, frame('done', { usage: { inputTokens: 1, outputTokens: 2, reasoningTokens: 3, cachedInputTokens: 0 } }))).ending, { usage: { reasoningTokens: 3, cachedInputTokens: 0 } })
  for (const usage of [{}, [], 'many', null, { inputTokens: '1', outputTokens: -1, totalTokens: 3 }]) t.strictSame((await say(hello, frame('done', { usage }))).ending, { finishReason: null }, 'what is no number of tokens is left out')
})

test('an output of a tool that is no string is told as JSON', async t => {
  const outputs = [['x', 'x'], ['', ''], [{ a: [1] }, '{"a":[1]}'], [[], '[]'], [7, '7'], [false, 'false'], [null, undefined], [undefined, undefined]] as const
  for (const [output, told] of outputs) {
    const { parts: [part] } = await say(frame('tool', { id: '1', name: 'read', state: 'done', output }), hello, frame('done', {}))
    t.strictSame(part, { type: 'tool', id: '1', name: 'read', state: 'done', ...(told !== undefined && { output: told }) })
  }
})

test('an end without a word is an empty answer, which says what it has cost', async t => {
  for (const event of [frame('start', {}), frame('delta', { text: '' })]) {
    t.strictSame(await say(event, frame('done', { finishReason: 'stop' })), { begun: 'stream_empty', parts: [], failure: 'Copilot service sent an empty answer' })
  }
  const reply = new EventReply(Readable.from([Buffer.from(frame('done', { usage: { inputTokens: 3 } }))]), [])
  t.match(await reply.begun.catch((error: unknown) => error), { errorType: 'stream_empty', ending: { usage: { inputTokens: 3 } } })
})

test('an answer is whole behind its end, and its connection closed, when the service does not close it', async t => {
  for (const behind of ['silence', 'comments', 'a reader that waits'] as const) {
    const body = new PassThrough()
    const reply = new EventReply(body, [])
    body.write(hello.repeat(behind === 'a reader that waits' ? 16 : 1) + frame('done', { finishReason: 'stop' }))
    const alive = setInterval(() => { if (behind !== 'silence') body.write(': alive\n') }, 20)
    const closed = new Promise(resolve => body.once('close', resolve))
    if (behind === 'a reader that waits') await closed
    t.match(await read(reply), { begun: true, ending: { finishReason: 'stop' } }, behind)
    await closed
    clearInterval(alive)
  }
})

test('silence behind an end is none of the answer, and a connection that breaks there is', async t => {
  for (const [failure, expected] of [['idle_timeout', { ending: { finishReason: null } }], ['connection_lost', { failure: /was lost/ }]] as const) {
    const body = new PassThrough()
    const seen = read(new EventReply(body, []))
    body.write(hello + frame('done', {}))
    setImmediate(() => body.destroy(new GatewayError(failure)))
    t.match(await seen, { begun: true, parts: [{ text: 'Hello' }], ...expected })
  }
})

test('what comes late behind an end contradicts it', async t => {
  const body = new PassThrough()
  const seen = read(new EventReply(body, []))
  body.write(hello + frame('done', {}))
  setImmediate(() => body.write(hello))
  t.match(await seen, { failure: /goes on behind its end/ })
})

test('a reader that waits holds the body back, and one that leaves gives it up', async t => {
  const body = new PassThrough()
  const reply = new EventReply(body, [])
  t.throws(() => reply.ending, /has not ended/)
  body.write(hello.repeat(40))
  await reply.begun
  t.ok(body.isPaused())
  reply.destroy()
  await new Promise(resolve => body.once('close', resolve))
})

test('what a service says behind its error is read for nobody, and not for ever', async t => {
  const body = new PassThrough()
  const reply = new EventReply(body, [])
  body.write(frame('error', { message: 'x' }))
  await t.rejects(reply.begun, { message: 'x' })
  body.write(hello)
  body.write(Buffer.alloc(70_000))
  await new Promise(resolve => body.once('close', resolve))

  const open = new PassThrough()
  const left = new EventReply(open, [])
  // It is held back by then: its reader takes nothing.
  open.write(hello.repeat(40) + frame('error', { message: 'x' }))
  await left.begun
  const alive = setInterval(() => open.write(': alive\n'), 20)
  await new Promise(resolve => open.once('close', resolve))
  clearInterval(alive)
})

test('a connection that breaks behind a reported failure changes nothing of it', async t => {
  const body = new PassThrough()
  const reply = new EventReply(body, [])
  body.write(frame('error', { message: 'x' }))
  await t.rejects(reply.begun, { message: 'x' })
  const closed = new Promise(resolve => body.once('close', resolve))
  body.destroy(new GatewayError('connection_lost'))
  await closed
  t.match(reply.errored, { message: 'x' })
})

test('what breaks the body breaks the answer', async t => {
  const body = new PassThrough()
  const reply = new EventReply(body, [])
  const failure = new GatewayError('idle_timeout')
  body.destroy(failure)
  t.match(await reply.begun.catch((error: unknown) => error), { errorType: 'idle_timeout' })
  t.equal(reply.errored, failure)
})
