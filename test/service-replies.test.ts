import { createServer, type Socket } from 'node:net'
import { once } from 'node:events'
import fc from 'fast-check'
import { type Test, test } from 'tap'
import { ask, build, events } from './helper.ts'

/** How a reply is put on the wire, and whether its end can be seen to be one. */
const FRAMINGS = ['length', 'chunked', 'close', 'short', 'without last chunk', 'reset'] as const

/** A reply of a service: everything that can be wrong with one, in all combinations. */
interface Case {
  readonly status: number
  readonly type: string | undefined
  readonly encoding: string | undefined
  readonly interim: readonly number[]
  readonly framing: (typeof FRAMINGS)[number]
  readonly body: Buffer
}

const cases: fc.Arbitrary<Case> = fc.record({
  status: fc.oneof({ weight: 6, arbitrary: fc.constant(200) }, { weight: 4, arbitrary: fc.constantFrom(201, 202, 203, 204, 205, 206, 226, 302, 304, 404, 405, 429, 500, 501, 503) }),
  type: fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(undefined, '', 'text/plain', 'text/plain; charset=utf-8', 'TEXT/Plain ;Charset="UTF-8"', 'text/plain; charset=iso-8859-1', 'text/plain;charset=utf-16le', 'text/plain; charset=shift_jis', 'text/plain; charset=iso-2022-jp') },
    { weight: 1, arbitrary: fc.constantFrom('text/plain; charset=nonsense', 'text/html', 'application/json', 'application/problem+json', 'application/xhtml+xml', 'multipart/mixed; boundary=x', 'text/plain-ish', 'text', 'application/octet-stream') }
  ),
  encoding: fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.constantFrom('', 'identity', 'Identity', 'gzip', 'br', 'identity, gzip') }),
  interim: fc.oneof({ weight: 4, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: fc.constantFrom([100], [102], [103], [103, 103]) }),
  framing: fc.oneof({ weight: 2, arbitrary: fc.constantFrom('length', 'chunked', 'close') }, { weight: 1, arbitrary: fc.constantFrom(...FRAMINGS) }),
  body: fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom('Hello', 'Grüße 🌍', '').map(text => Buffer.from(text)) },
    { weight: 2, arbitrary: fc.constantFrom(Buffer.from('Grüße', 'latin1'), Buffer.from('Grüße 🌍', 'utf16le'), Buffer.from('日本 🌍').subarray(0, -1), Buffer.from([0x82, 0xa0]), Buffer.from([0x1b, 0x28, 0x42])) }
  )
})

/** What there is to be read: the whole answer as text, or null when there is none. */
function expected ({ status, type, encoding, interim, framing, body }: Case): string | null {
  if (interim.includes(100)) return null
  const isWhole = ['length', 'chunked', 'close'].includes(framing)
  const bare = [204, 205, 304].includes(status)
  // The status of a missing endpoint with words of its own is an error; without any, /chat is asked.
  if ([404, 405, 501].includes(status)) return isWhole && body.length === 0 ? 'buffered' : null
  if (status !== 200 || bare || !isWhole || !/^(identity)?$/i.test(encoding ?? '')) return null
  const charset = /^(?:text\/plain *(?:; *charset="?([\w-]+)"?)?)?$/i.exec(type ?? '')
  if (!charset) return null
  try {
    // In one piece, Node takes windows-1252 for latin1.
    const decoder = new TextDecoder(charset[1] ?? 'utf-8', { fatal: true, ignoreBOM: true })
    const text = decoder.decode(body, { stream: true }) + decoder.decode()
    return text === '' ? 'buffered' : text
  } catch {
    return null
  }
}

/** A service that answers each question as the case says that the prompt names. */
async function service (t: Test, all: readonly Case[]): Promise<string> {
  const server = createServer(socket => {
    let received = ''
    socket.on('error', () => {}).on('data', chunk => {
      received += String(chunk)
      const [head = '', body = ''] = received.split('\r\n\r\n')
      if (Buffer.byteLength(body) < Number(/content-length: (\d+)/i.exec(head)?.[1])) return
      received = ''
      if (head.startsWith('POST /chat ')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 21\r\n\r\n{"output":"buffered"}')
      else write(socket, all[Number(JSON.parse(body).prompt)])
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const address = server.address()
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
}

function write (socket: Socket, reply: Case | undefined): void {
  if (!reply) throw new Error('no such case')
  const { status, type, encoding, interim, framing, body } = reply
  const bodiless = [204, 304].includes(status)
  const chunked = framing === 'chunked' || framing === 'without last chunk'
  const length = framing === 'length' ? body.length : body.length + 10
  const headers = [
    `HTTP/1.1 ${status} X`,
    ...(type === undefined ? [] : [`Content-Type: ${type}`]),
    ...(encoding === undefined ? [] : [`Content-Encoding: ${encoding}`]),
    ...(bodiless || framing === 'close' ? ['Connection: close'] : [chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${length}`])
  ]
  for (const code of interim) socket.write(`HTTP/1.1 ${code} X\r\n\r\n`)
  socket.write(headers.join('\r\n') + '\r\n\r\n')
  if (!bodiless) {
    // In two pieces, between which there may be a character.
    const middle = Math.ceil(body.length / 2)
    for (const piece of [body.subarray(0, middle), body.subarray(middle)].filter(({ length }) => length > 0)) {
      if (chunked) socket.write(`${piece.length.toString(16)}\r\n`)
      socket.write(piece)
      if (chunked) socket.write('\r\n')
    }
  }
  if (framing === 'reset') socket.resetAndDestroy()
  else if (framing === 'chunked' && !bodiless) socket.write('0\r\n\r\n')
  else if (framing !== 'length' || bodiless) socket.end()
}

/** The whole answer as a reader of text gets it; null for a failure that says so. */
async function asText (url: string, prompt: string): Promise<string | null> {
  const response = await ask(url, { prompt }, { headers: { accept: 'text/plain' } })
  const text = await response.text().catch(() => null)
  if (response.status === 200) return text
  if (!response.headers.get('x-error-type') || !text?.startsWith('Error: ')) throw new Error(`a refusal without a name: ${text}`)
  return null
}

/** The same as a reader of events gets it. */
async function asEvents (url: string, prompt: string): Promise<string | null> {
  const response = await ask(url, { prompt }, { headers: { accept: 'text/event-stream' } })
  if (response.status !== 200) {
    await response.text()
    return null
  }
  const all = await events(response)
  const last = all.at(-1)
  if (last?.event === 'error') return null
  if (last?.event !== 'done') throw new Error('no last event')
  return all.map(({ event, data }) => event === 'delta' ? data.text : '').join('')
}

test('whatever a service replies is a whole answer that was one, or an honest failure, to readers of text and of events', async t => {
  const all = fc.sample(cases, { numRuns: 2_000, seed: 10 })
  const { url } = await build(t, {
    COPILOT_SERVICE_URL: await service(t, all),
    COPILOT_STREAM_RETRY_MS: '0',
    RATE_LIMIT_MAX: '1000000',
    MAX_STREAMS_PER_CALLER: '1000',
    LOG_LEVEL: 'silent'
  })
  const wrong: unknown[] = []
  const left = [...all.entries()]
  const worker = async (): Promise<void> => {
    for (let next = left.pop(); next; next = left.pop()) {
      const [index, reply] = next
      const [text, told] = await Promise.all([asText(url, String(index)), asEvents(url, String(index))])
      const right = expected(reply)
      if (text !== right || told !== right) wrong.push({ ...reply, body: reply.body.toString('latin1'), right, text, told })
    }
  }
  await Promise.all(Array.from({ length: 8 }, worker))
  t.strictSame(wrong.slice(0, 3), [], `${wrong.length} are not what they should be`)
})
