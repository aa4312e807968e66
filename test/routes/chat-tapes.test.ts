import { createHash } from 'node:crypto'
import { createParser } from 'eventsource-parser'
import fc from 'fast-check'
import { test } from 'tap'
import { ask, pair, type ServerSentEvent, type Script } from '../helper.ts'

const words = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }).map(text => text.toWellFormed())
/** What the service tells, and where it splits a text into two events, within a character as well. */
const part = fc.record({ type: fc.constantFrom('delta', 'delta', 'reasoning', 'tool'), text: words, split: fc.nat(8), state: fc.constantFrom('running', 'done', 'failed') })
const tapes = fc.record({
  parts: fc.array(part, { minLength: 1, maxLength: 8 }),
  end: fc.constantFrom('stop', 'length', 'content_filter', 'error', 'cut'),
  /** Sizes of what is written at once, over and over. */
  chunks: fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 4 }),
  /** After how many events, or bytes of text, a reader breaks off, one connection after the other. */
  breaks: fc.array(fc.nat(6), { maxLength: 3 }),
  offset: fc.nat(60)
})
type Tape = typeof tapes extends fc.Arbitrary<infer T> ? T : never

const FINISHED = { stop: 'complete', length: 'length', content_filter: 'filtered' } as const
const frame = (event: string, data: unknown): string => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')
const sse = { accept: 'text/event-stream' }

/** What moves a position on by one: a byte of text, a byte of thoughts, a tool. */
function units (events: ReadonlyArray<{ readonly event: string | undefined, readonly data: Readonly<Record<string, unknown>> }>): string[] {
  return events.flatMap(({ event, data }) => event === 'tool' ? JSON.stringify(data) : event === 'delta' || event === 'reasoning' ? [...Buffer.from(String(data.text))].map(byte => `${event} ${byte}`) : [])
}

function toldBy ({ parts }: Tape): { told: string[], text: Buffer } {
  const told = units(parts.map(({ type, text, state }) => ({ event: type, data: type === 'tool' ? { id: text, name: 'look', state } : { text } })))
  return { told, text: Buffer.from(parts.filter(({ type }) => type === 'delta').map(({ text }) => text).join('')) }
}

const plays = ({ parts, end, chunks }: Tape): Script => async reply => {
  const frames = parts.map(({ type, text, split, state }) => type === 'tool'
    ? frame('tool', { id: text, name: 'look', state })
    : frame(type, { text: text.slice(0, split) }) + frame(type, { text: text.slice(split) }))
  if (end === 'error') frames.push(frame('error', { errorType: 'token_missing', message: 'set one' }))
  else if (end !== 'cut') frames.push(frame('done', { finishReason: end }))
  const bytes = Buffer.from(frames.join(''))
  reply.writeHead(200, { 'content-type': 'text/event-stream' })
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = chunks[turn % chunks.length] ?? 1
    await new Promise(resolve => reply.write(bytes.subarray(at, at + size), resolve))
    at += size
  }
  reply.end()
}

/** Reads events until there are `count`, which leaves the rest, or to the end. */
async function someEvents (url: string, lastId: string, count: number): Promise<ServerSentEvent[]> {
  const leaving = new AbortController()
  const { body, status } = await fetch(url, { headers: { ...sse, ...(lastId !== '' && { 'last-event-id': lastId }) }, signal: leaving.signal })
  if (!body || status !== 200) throw new Error(`${status}`)
  const all: ServerSentEvent[] = []
  const parser = createParser({ onEvent: ({ event, id, data }) => { all.push({ event, id, data: JSON.parse(data) }) } })
  for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
    parser.feed(chunk)
    if (all.length >= count) break
  }
  leaving.abort()
  return all.slice(0, count)
}

/** Reads as text from a byte on until there are `count` more, or to the end; `whole` says whether that was a clean one. */
async function someText (url: string, offset: number, count: number): Promise<{ bytes: Buffer, whole: boolean, left: boolean }> {
  const { body, status } = await fetch(`${url}?offset=${offset}`)
  let bytes = Buffer.alloc(0)
  if (!body || status !== 200) return { bytes, whole: false, left: false }
  try {
    for await (const chunk of body) {
      bytes = Buffer.concat([bytes, chunk])
      if (bytes.length >= count) return { bytes: bytes.subarray(0, count), whole: false, left: true }
    }
    return { bytes, whole: true, left: false }
  } catch {
    return { bytes, whole: false, left: false }
  }
}

async function eventsInPieces (url: string, breaks: readonly number[]): Promise<ServerSentEvent[]> {
  const all: ServerSentEvent[] = []
  for (const count of [...breaks.map(count => count + 1), Infinity]) {
    const lastId = all.findLast(({ id }) => id !== undefined)?.id ?? ''
    if (lastId.endsWith('.end')) break
    // What has no id is told to every connection: how the answer begins.
    all.push(...(await someEvents(url, lastId, count)).filter(({ id }) => id !== undefined))
  }
  return all
}

async function textInPieces (url: string, breaks: readonly number[]): Promise<{ bytes: Buffer, whole: boolean }> {
  let bytes = Buffer.alloc(0)
  for (const count of [...breaks.map(count => count + 1), Infinity]) {
    const piece = await someText(url, bytes.length, count)
    bytes = Buffer.concat([bytes, piece.bytes])
    if (!piece.left) return { bytes, whole: piece.whole }
  }
  throw new Error('the last connection is read to its end')
}

test('whatever a service tells, nothing of it is lost, doubled, or falsely whole, wherever readers read on', { timeout: 120_000 }, async t => {
  const playing: Tape[] = []
  const { url, service } = await pair(t, {
    '/chat/stream': (reply, request) => {
      const tape = playing[Number(request.json.prompt)]
      if (tape) return plays(tape)(reply, request)
    }
  }, { RATE_LIMIT_MAX: '0', MAX_STREAMS_PER_CALLER: '1000' })

  await fc.assert(fc.asyncProperty(tapes, async tape => {
    const { told, text } = toldBy(tape)
    const isWhole = tape.end === 'stop' && text.length > 0
    const response = await ask(url, { prompt: String(playing.push(tape) - 1), resumable: true }, { headers: sse })
    const stream = `${url}/api/chat/${response.headers.get('x-stream-id')}`

    const [, inPieces, textual] = await Promise.all([response.text(), eventsInPieces(stream, tape.breaks), textInPieces(stream, tape.breaks)])
    const again = (await someEvents(stream, '', Infinity)).filter(({ id }) => id !== undefined)
    for (const events of [inPieces, again]) {
      same(units(events), told, 'parts')
      for (const [index, { id }] of events.slice(0, -1).entries()) same(id, idBehind(units(events.slice(0, index + 1))), 'id')
      same(events.at(-1)?.id, `${idBehind(told)}.end`, 'last id')
      checkEnd(events.at(-1), tape, text)
    }
    same((await fetch(stream, { headers: { ...sse, 'last-event-id': String(again.at(-1)?.id) } })).status, 204, 'nothing is left')

    const offset = Math.min(tape.offset, text.length)
    const rest = await someText(stream, offset, Infinity)
    for (const [{ bytes, whole }, expected] of [[textual, text], [rest, text.subarray(offset)]] as const) {
      same(whole, isWhole, 'whole')
      // A cut may overtake bytes, and never brings others.
      same(bytes.toString('hex'), expected.subarray(0, isWhole ? undefined : bytes.length).toString('hex'), 'text')
    }

    const behind = units(await someEvents(`${stream}?offset=${offset}`, '', Infinity))
    same(behind, told.slice(told.length - behind.length), 'parts behind an offset')
    // Events go on with a whole character, which may begin before the offset.
    const before = text.length - offset - behind.filter(isText).length
    same(before <= 0 && before > -4, true, 'the offset')
    if (before === 0 && behind.length < told.length) same(offset === 0 || isText(told[told.length - behind.length - 1] ?? ''), true, 'the first place of an offset')
  }), { seed: 20_261_126, numRuns: 100 })
  t.equal(service.asked().length, playing.length, 'each question was asked once')
})

function checkEnd (last: ServerSentEvent | undefined, { end }: Tape, text: Buffer): void {
  if (end === 'error' || end === 'cut' || (end === 'stop' && text.length === 0)) {
    same(last?.event, 'error', 'end')
    same(last?.data.errorType, end === 'error' ? 'token_missing' : end === 'cut' ? 'connection' : 'stream_empty', 'error')
    same(last?.data.bytes, text.length, 'bytes')
  } else {
    same(last?.event, 'done', 'end')
    same(last?.data, { reason: FINISHED[end], finishReason: end, bytes: text.length, sha256: sha256(text) }, 'done')
  }
}

function isText (unit: string): boolean {
  return unit.startsWith('delta ')
}

function idBehind (units: readonly string[]): string {
  const bytes = units.filter(isText).length
  return bytes === units.length ? String(bytes) : `${bytes}.${units.length - bytes}`
}

/** Fails the property, which then looks for the smallest tape that does. */
function same (found: unknown, wanted: unknown, what: string): void {
  if (JSON.stringify(found) !== JSON.stringify(wanted)) throw new Error(`${what}: ${JSON.stringify(found)} instead of ${JSON.stringify(wanted)}`)
}
