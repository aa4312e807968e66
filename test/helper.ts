import { EventEmitter, once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, createServer as createSocketServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { createParser } from 'eventsource-parser'
import Fastify, { type FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { Test } from 'tap'
import gateway, { type GatewayOptions } from '../app.ts'
import { type ConnectionBounds, serverOptions } from '../lib/server-options.ts'
import type { PageOptions } from '../lib/gateway-options.ts'

/** A line of the log, parsed. */
export type LogLine = Record<string, unknown> & { msg: string, level: number }

/** What a gateway under test logs. */
export class Log extends EventEmitter {
  readonly lines: LogLine[] = []

  /** The first line, past or future, for which `wanted` is true. */
  async line (wanted: (line: LogLine) => boolean): Promise<LogLine> {
    for (;;) {
      const found = this.lines.find(wanted)
      if (found) return found
      await once(this, 'line')
    }
  }

  /** The line of a request that has ended; of the request with the given id when one is given. */
  async ended (requestId?: string): Promise<LogLine> {
    return await this.line(line => line.msg === 'request ended' && (requestId === undefined || line.requestId === requestId))
  }
}

/** A gateway that listens on a free loopback port. */
export interface Gateway {
  readonly app: FastifyInstance
  readonly url: string
  readonly port: number
  readonly log: Log
}

/** What a gateway under test has of its own: bounds of connections, the directory of a built page. */
export type Own = Partial<ConnectionBounds> & PageOptions

/** The gateway without the walls around it that keep it from an application that it is a part of: tests look inside. */
export const unencapsulated = fp<GatewayOptions>(async (app, options) => await gateway(app, options))

/** Starts a gateway with the given environment variables on `host`; it stops with the test. */
export async function build (t: Test, environment: Record<string, string> = {}, host = '127.0.0.1', { page, pageRoot, ...bounds }: Own = {}): Promise<Gateway> {
  const log = new Log()
  const stream = new Writable({
    write (chunk, _encoding, done) {
      log.lines.push(JSON.parse(String(chunk)))
      log.emit('line')
      done()
    }
  })
  // Answers that a test leaves open must not hold its end up.
  const env = { LOG_LEVEL: 'debug', DRAIN_TIMEOUT_MS: '10', ...environment }
  const options = serverOptions(env, bounds)
  const app = Fastify({ ...options, logger: { ...options.logger, transport: undefined, stream } })
  // A drain that had to cut is what some tests are about, and no failure of any.
  t.teardown(() => app.close().catch(() => {}))
  await app.register(unencapsulated, { environment: env, ...(page !== undefined && { page }), ...(pageRoot !== undefined && { pageRoot }) })
  const url = await app.listen({ host, port: 0 })
  return { app, url, port: Number(new URL(url).port), log }
}

/** The path of a Unix socket that leads to a gateway; it goes with the test. */
export async function unixSocket (t: Test, { app }: Gateway): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'gateway-'))
  const server = createSocketServer({ allowHalfOpen: true }, socket => app.server.emit('connection', socket)).listen(join(directory, 'socket'))
  await once(server, 'listening')
  t.teardown(async () => {
    server.close()
    await rm(directory, { recursive: true })
  })
  return join(directory, 'socket')
}

/** A request that an upstream has got, its body read. */
export interface UpstreamRequest {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
  readonly json: Record<string, unknown>
  readonly raw: IncomingMessage
}

/** Answers one request of an upstream. */
export type Script = (reply: ServerResponse, request: UpstreamRequest) => unknown

/** A real Copilot service as far as HTTP goes, with what it was asked. */
export class Upstream extends EventEmitter {
  readonly requests: UpstreamRequest[] = []
  readonly server: Server
  readonly scripts: Record<string, Script>

  constructor (scripts: Record<string, Script>) {
    super()
    this.scripts = scripts
    this.server = createServer((request, reply) => { void this.#serve(request, reply) })
  }

  get url (): string {
    // A listening TCP server has an address with a port.
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  /** The questions that it was asked so far. */
  asked (): UpstreamRequest[] {
    return this.requests.filter(({ method }) => method === 'POST')
  }

  /** How many sockets are open. */
  async connections (): Promise<number> {
    return await new Promise((resolve, reject) => this.server.getConnections((error, count) => error ? reject(error) : resolve(count)))
  }

  /** The request number `index` from 0, past or future. */
  async request (index = 0): Promise<UpstreamRequest> {
    for (;;) {
      const request = this.requests[index]
      if (request) return request
      await once(this, 'request')
    }
  }

  async #serve (raw: IncomingMessage, reply: ServerResponse): Promise<void> {
    const body = await text(raw)
    const request = { method: raw.method ?? '', path: raw.url ?? '', headers: raw.headers, body, json: body ? JSON.parse(body) : {}, raw }
    this.requests.push(request)
    this.emit('request', request)
    const script = this.scripts[request.path]
    if (script) await script(reply, request)
    else reply.writeHead(404).end()
  }
}

/** Starts an upstream that answers each path as its script says, and 404 elsewhere; it stops with the test. */
export async function upstream (t: Test, scripts: Record<string, Script>): Promise<Upstream> {
  const service = new Upstream(scripts)
  service.server.listen(0, '127.0.0.1')
  await once(service.server, 'listening')
  t.teardown(() => {
    service.server.closeAllConnections()
    service.server.close()
  })
  return service
}

/** A gateway in front of an upstream with the given scripts. */
export async function pair (t: Test, scripts: Record<string, Script>, environment: Record<string, string> = {}, host?: string, own?: Own): Promise<Gateway & { service: Upstream }> {
  const service = await upstream(t, scripts)
  const gateway = await build(t, { COPILOT_SERVICE_URL: service.url, ...environment }, host, own)
  return { ...gateway, service }
}

/** Posts a chat request; `body` is sent as JSON. */
export async function ask (url: string, body: unknown = { prompt: 'Hello' }, init: RequestInit = {}): Promise<Response> {
  return await fetch(`${url}/api/chat`, {
    method: 'POST',
    body: JSON.stringify(body),
    ...init,
    headers: { 'content-type': 'application/json', ...init.headers }
  })
}

/** A script that streams the given chunks as plain text and ends. */
export function streams (...chunks: Array<string | Buffer>): Script {
  return async reply => {
    reply.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' })
    for (const chunk of chunks) await new Promise(resolve => reply.write(chunk, resolve))
    reply.end()
  }
}

/** A script that answers with JSON. */
export function json (status: number, body: unknown, headers: Record<string, string> = {}): Script {
  return reply => reply.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
}

/** Opens a plain TCP connection to a gateway and posts a chat request on it, for tests about what goes over the wire. */
export async function rawAsk (port: number, body: unknown = { prompt: 'Hello' }, version = '1.1', headers: Record<string, string> = {}): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  const text = JSON.stringify(body)
  const more = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join('')
  socket.write(`POST /api/chat HTTP/${version}\r\nHost: localhost\r\n${more}Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`)
  return socket
}

/** Resolves with everything that a socket has sent by the time it is closed, and the error that closed it, if one did. */
export async function drainSocket (socket: Socket): Promise<{ text: string, code: string | undefined }> {
  let text = ''
  let code: string | undefined
  socket.setEncoding('utf8').on('data', chunk => { text += chunk }).on('error', (error: NodeJS.ErrnoException) => { code = error.code })
  socket.resume()
  if (!socket.closed) await new Promise(resolve => socket.once('close', resolve))
  return { text, code }
}

/** An event of a stream, its data parsed. */
export interface ServerSentEvent { readonly event: string | undefined, readonly id: string | undefined, readonly data: Record<string, unknown> }

/** Reads a response to its end as server-sent events. */
export async function events (response: Response): Promise<ServerSentEvent[]> {
  const all: ServerSentEvent[] = []
  createParser({ onEvent: ({ event, id, data }) => { all.push({ event, id, data: JSON.parse(data) }) } }).feed(await response.text())
  return all
}

/** Resolves when a socket is closed, in whatever way. */
export async function closeOf (socket: Socket): Promise<void> {
  socket.on('error', () => {})
  if (!socket.closed) await new Promise(resolve => socket.once('close', resolve))
}
