import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { headers, prompt } from './secrets.ts'

/** One response as far as it came over the wire. */
export interface WireResponse {
  readonly status: number
  /** By name in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
  /** The response came to its end: its last chunk, or as many bytes as it announced. */
  readonly whole: boolean
}

/** A client that writes its requests onto a plain socket, and keeps every byte that comes back, so that nothing about the end of a response is guessed. */
export class WireClient {
  readonly socket: Socket
  readonly #received: Buffer[] = []
  readonly #expected: number

  /** Connects to a loopback port or a Unix socket and writes the requests, all at once. */
  constructor (address: number | string, requests: readonly string[]) {
    this.#expected = requests.length
    this.socket = typeof address === 'number' ? connect(address, '127.0.0.1') : connect(address)
    // How a connection ended shows in what came over it; a reset is one way to end.
    this.socket.on('error', () => {})
    this.socket.write(requests.join(''))
  }

  /** Starts to take what comes. */
  read (): this {
    this.socket.on('data', (bytes: Buffer) => this.#received.push(bytes))
    return this
  }

  /** Everything that has come over the wire. */
  get received (): string { return Buffer.concat(this.#received).toString() }

  /** Resolves when `text` has come over the wire. */
  async seen (text: string): Promise<void> {
    while (!Buffer.concat(this.#received).includes(text)) await once(this.socket, 'data')
  }

  /** Resolves when every response is whole or the connection is closed. */
  async over (): Promise<WireResponse[]> {
    const { socket } = this
    await new Promise<void>(resolve => {
      const look = (): void => { if (this.#mayBeOver() && this.#responses().filter(({ whole }) => whole).length === this.#expected) resolve() }
      socket.on('data', look).once('close', resolve)
      look()
      if (socket.closed) resolve()
    })
    socket.destroy()
    return this.#responses()
  }

  /** Spares parsing megabytes for each piece of them: a long body is chunked, and ends with its last chunk. */
  #mayBeOver (): boolean {
    return this.#received.length < 10 || Buffer.concat(this.#received.slice(-2)).subarray(-5).equals(Buffer.from('0\r\n\r\n'))
  }

  #responses (): WireResponse[] {
    const responses: WireResponse[] = []
    for (let rest: Buffer = Buffer.concat(this.#received); rest.includes('\r\n\r\n');) {
      const parsed = parseResponse(rest)
      responses.push(parsed.response)
      rest = parsed.rest
    }
    return responses
  }
}

/** Takes one response off the beginning of what came over a connection (RFC 9112 §6 and §7.1). */
function parseResponse (bytes: Buffer): { response: WireResponse, rest: Buffer } {
  const end = bytes.indexOf('\r\n\r\n')
  const [statusLine = '', ...fields] = bytes.subarray(0, end).toString().split('\r\n')
  const headers = Object.fromEntries(fields.map(field => [field.slice(0, field.indexOf(':')).toLowerCase(), field.slice(field.indexOf(':') + 1).trim()]))
  const { body, whole, rest } = headers['transfer-encoding'] === 'chunked'
    ? parseChunks(bytes.subarray(end + 4))
    : takeBytes(bytes.subarray(end + 4), Number(headers['content-length'] ?? 0))
  return { response: { status: Number(statusLine.split(' ')[1]), headers, body, whole }, rest }
}

function parseChunks (bytes: Buffer): { body: Buffer, whole: boolean, rest: Buffer } {
  const chunks: Buffer[] = []
  for (let at = 0; ;) {
    const line = bytes.indexOf('\r\n', at)
    if (line < 0) return { body: Buffer.concat(chunks), whole: false, rest: Buffer.alloc(0) }
    const size = parseInt(bytes.toString('latin1', at, line), 16)
    const end = line + 2 + size
    if (size === 0 && bytes.length >= end + 2) return { body: Buffer.concat(chunks), whole: true, rest: bytes.subarray(end + 2) }
    chunks.push(bytes.subarray(line + 2, end))
    at = end + 2
  }
}

function takeBytes (bytes: Buffer, size: number): { body: Buffer, whole: boolean, rest: Buffer } {
  return { body: bytes.subarray(0, size), whole: bytes.length >= size, rest: bytes.subarray(size) }
}

/** The bytes of a request that asks for an answer or, with a `streamId`, for the rest of one. */
export function requestText ({ accept, id, resumable = false, streamId }: { accept: string, id: string, resumable?: boolean, streamId?: string }): string {
  const head = ['Host: localhost', `Accept: ${accept}`, `X-Request-Id: ${id}`, ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`)]
  if (streamId !== undefined) return [`GET /api/chat/${streamId} HTTP/1.1`, ...head, '', ''].join('\r\n')
  const body = JSON.stringify({ prompt, ...(resumable && { resumable }) })
  return ['POST /api/chat HTTP/1.1', ...head, 'Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`, '', body].join('\r\n')
}
