import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import { createParser, type EventSourceMessage } from 'eventsource-parser'
import { type Test, test } from 'tap'
import { build, type Gateway, type LogLine, type Script, unixSocket, upstream, type Upstream } from '../helper.ts'
import { requestText, WireClient, type WireResponse } from './client.ts'
import { environment as secretEnvironment, nothingIsTold } from './secrets.ts'
import { type Expected, publishedRow, toRow } from './table.ts'

/** A way to ask for an answer; every fault is met in all of them. */
interface Variant { readonly accept: string, readonly events: boolean, readonly resumable: boolean }

const variants: Record<string, Variant> = {
  'plain text': { accept: 'text/plain', events: false, resumable: false },
  events: { accept: 'text/event-stream', events: true, resumable: false },
  'resumable plain text': { accept: 'text/plain', events: false, resumable: true },
  'resumable events': { accept: 'text/event-stream', events: true, resumable: true }
}

/** A gateway, its upstream and its client while a fault happens. */
export interface Scene extends Gateway {
  readonly service: Upstream
  readonly client: WireClient
  readonly variant: Variant
}

/** A fault: who does what, and what everybody sees of it. */
export interface Fault {
  /** What the upstream does, by path; while it does, it can wait for the others. */
  readonly upstream: (scene: () => Scene) => Record<string, Script>
  /** What comes before the request. */
  readonly before?: (gateway: Gateway & { service: Upstream }) => Promise<unknown>
  /** What the client does once it has asked; default: it reads. */
  readonly client?: (scene: Scene) => Promise<unknown>
  /** How many requests the client writes at once; default 1. */
  readonly requests?: number
  /** The client comes over a Unix socket: the kernel's buffers of a TCP socket may take all of a resumable answer. */
  readonly overUnixSocket?: boolean
  readonly environment?: Record<string, string>
  /** Everything that the upstream ever says of its answer. What a client gets is a beginning of it, and all of it when the end is clean. */
  readonly answer?: string
  readonly expected: Expected
}

/** Meets a fault in every variant over real sockets, and compares what is seen with `expected` and that with docs/faults.md. */
export function fault (name: string, fault: Fault): void {
  void test(name, { jobs: 4 }, async t => {
    void t.test('is published as it is tested', async t => t.equal(await publishedRow(name), toRow(fault.expected)))
    for (const [title, variant] of Object.entries(variants)) void t.test(title, { buffered: true }, t => meet(t, fault, variant))
  })
}

async function meet (t: Test, { upstream: scripts, before, client: act, requests = 1, overUnixSocket = false, environment = {}, answer = '', expected }: Fault, variant: Variant): Promise<void> {
  const stage: { scene?: Scene } = {}
  const service = await upstream(t, scripts(() => {
    if (!stage.scene) throw new Error('the client has not come yet')
    return stage.scene
  }))
  const gateway = await build(t, { COPILOT_SERVICE_URL: service.url, ...secretEnvironment, ...environment })
  await before?.({ ...gateway, service })

  const ids = Array.from({ length: requests }, (_, index) => `request-${index}`)
  const client = new WireClient(overUnixSocket ? await unixSocket(t, gateway) : gateway.port, ids.map(id => requestText({ ...variant, id })))
  const scene = stage.scene = { ...gateway, service, client, variant }
  if (act) await act(scene)
  else client.read()

  const words = { ...expected, ...(variant.resumable && expected.resumable) }
  const responses = await client.over()
  const seen: string[] = []
  const logs: string[] = []
  const recordings: string[] = []
  let received = client.received
  for (const [index, id] of ids.entries()) {
    const response = responses[index]
    const sight = sees(t, response, variant, answer)
    seen.push(sight.words)
    logs.push(logged(await gateway.log.ended(id)))
    if (!variant.resumable) continue
    const { ended } = await gateway.log.line(({ msg, requestId }) => msg === 'resumable answer ended' && requestId === id)
    recordings.push(String(ended))
    const streamId = response?.headers['x-stream-id']
    if (streamId && gateway.app.server.listening) received += await readsAgain(t, { ...gateway, streamId, variant, answer, whole: ended === 'complete', text: sight.text })
  }
  t.equal(together(seen), variant.events ? words.events : words.text, 'what the client sees')
  t.equal(together(logs), words.log, 'how the log says it ended')
  if (variant.resumable) t.equal(together(recordings), expected.resumable?.recording ?? together(logs.map(endOf)), 'how the recording ended')
  await nothingIsLeft(t, gateway, service, words.upstream)
  await nothingIsTold(t, gateway, received)
}

/** What a client has got: in the words of the table, and of the answer. */
interface Sight { readonly words: string, readonly text: string }

function sees (t: Test, response: WireResponse | undefined, { events, resumable }: Variant, answer: string): Sight {
  if (!response) return { words: 'nothing', text: '' }
  const { status, headers, body, whole } = response
  if (status !== 200) {
    t.ok(whole, 'a refusal is whole')
    t.match(body.toString(), events ? `"errorType":"${headers['x-error-type']}"` : /^Error: \S/)
    return { words: `${status} ${headers['x-error-type']}`, text: '' }
  }
  t.equal(headers['x-stream-id'] !== undefined, resumable)
  if (events) return readEvents(t, body, whole, answer)
  t.ok(whole ? body.equals(Buffer.from(answer)) : Buffer.from(answer).subarray(0, body.length).equals(body), 'what came is what was sent')
  return { words: whole ? '200 whole' : '200 cut', text: body.toString() }
}

/** Reads an event stream and holds it to its rules; a stream without a last event was cut. */
function readEvents (t: Test, body: Buffer, whole: boolean, answer: string): Sight {
  const messages: EventSourceMessage[] = []
  createParser({ onEvent: message => { messages.push(message) } }).feed(body.toString())
  const events = messages.map(({ event = '', id, data }) => ({ event, id, data: JSON.parse(data) }))

  const deltas = events.filter(({ event }) => event === 'delta')
  let text = ''
  for (const { id, data } of deltas) {
    text += data.text
    t.equal(Number(id?.split('.')[0]), Buffer.byteLength(text), 'an id begins with how many bytes there are')
  }
  t.ok(answer.startsWith(text), 'what came is what was sent')

  const last = events.findIndex(({ event }) => ['done', 'error', 'reconnect'].includes(event))
  t.equal(whole, last >= 0, 'a clean end has a last event, and a cut has none')
  if (last < 0) return { words: '200 cut', text }
  t.equal(last, events.length - 1, 'nothing follows the last event')
  const { event, data } = events[last] ?? {}
  t.equal(data.bytes ?? data.after, Buffer.byteLength(text))
  if (event !== 'done') return { words: event === 'error' ? `200 error ${data.errorType}` : '200 reconnect', text }
  t.equal(text, answer)
  t.equal(data.sha256, createHash('sha256').update(answer).digest('hex'))
  return { words: data.reason === 'complete' ? '200 done' : `200 done ${data.reason}`, text }
}

/** Reads a recording that is over from its beginning: what the first reader got is there, and it ends as it was recorded. Resolves with all that came. */
async function readsAgain (t: Test, { app, port, streamId, variant, answer, whole, text }: Gateway & { streamId: string, variant: Variant, answer: string, whole: boolean, text: string }): Promise<string> {
  const late = new WireClient(port, [requestText({ accept: variant.accept, id: 'late', streamId })]).read()
  const [response] = await late.over()
  // A gateway that has stopped listening meanwhile refuses it.
  if (!response && !app.server.listening) return ''
  const sight = sees(t, response, variant, answer)
  const failed = text === '' ? /^([45]\d\d|200 error) \w+$/ : variant.events ? /^200 (error|done) \w+$/ : /^200 cut$/
  t.match(sight.words, whole ? /^200 (whole|done)$/ : failed, 'how it ends for a late reader')
  t.ok(sight.text.startsWith(text), 'what a late reader gets')
  return late.received
}

/** How a line of the log says that a request ended. */
function logged ({ ended, errorType }: LogLine): string {
  return [ended, errorType].filter(Boolean).join(' ')
}

function endOf (words: string): string {
  return words.replace(/ .*/, '')
}

/** What is the same of several requests is said once. */
function together (words: readonly string[]): string {
  return [...new Set(words)].join(' + ')
}

/** Waits until nothing is left over; a test that never gets there times out. */
async function nothingIsLeft (t: Test, { app, log }: Gateway, service: Upstream, words: string): Promise<void> {
  t.equal(app.lifecycle.inFlight, 0, 'nothing is in flight')
  t.strictSame(log.lines.filter(({ level }) => level > 40), [], 'no fault of the others is one of the gateway')
  while (app.copilot.sockets.running > 0 || app.slots.taken > 0) await setImmediate()
  const paths = service.requests.map(({ path }) => path).join(' + ') || 'nothing'
  // A socket that is kept serves the next request; one that the fault has spoilt is closed at both ends.
  const socket = service.requests.at(-1)?.raw.socket
  if (socket && !socket.closed && words.endsWith('closed')) await once(socket, 'close')
  t.equal(socket ? `${paths}, ${socket.closed ? 'closed' : 'kept'}` : paths, words, 'what the upstream sees')
}
