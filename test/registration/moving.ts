import { Writable } from 'node:stream'
import Fastify from 'fastify'
import type { Test } from 'tap'
import { parts } from '../../app.ts'
import { serverOptions } from '../../lib/server-options.ts'
import { json, streams, upstream } from '../helper.ts'
import { raw } from '../raw.ts'

/** How Fastify refuses a plugin that stands before what it builds on. */
const REFUSAL = /^The (dependency '[\w-]+' of plugin '[\w-]+' is not registered|decorator '\w+'.* is not present in )/

const close = 'Origin: http://localhost:5173\r\nX-Request-Id: the.one\r\nConnection: close\r\n'
const chat = (accept: string, body: unknown) => {
  const text = JSON.stringify(body)
  return `POST /api/chat HTTP/1.1\r\nHost: localhost\r\nAccept: ${accept}\r\n${close}Content-Type: application/json\r\nContent-Length: ${text.length}\r\n\r\n${text}`
}

/** One of each kind of thing that a gateway is asked. */
const ASKED: readonly string[] = [
  chat('text/plain', { prompt: 'Hi' }),
  chat('text/event-stream', { prompt: 'Hi' }),
  chat('text/plain', { prompt: 'Hi', resumable: true }),
  chat('application/json', { prompt: '' }),
  `GET /api/models HTTP/1.1\r\nHost: localhost\r\n${close}\r\n`,
  `GET /v1/models HTTP/1.1\r\nHost: localhost\r\n${close}\r\n`,
  `GET /api/chat/unknown HTTP/1.1\r\nHost: localhost\r\n${close}\r\n`,
  `GET /nowhere HTTP/1.1\r\nHost: localhost\r\n${close}\r\n`,
  `GET /health/ready HTTP/1.1\r\nHost: localhost\r\n${close}\r\n`,
  `GET /docs/json HTTP/1.1\r\nHost: localhost\r\n${close}\r\n`,
  `GET /health HTTP/1.1\r\nHost: evil.example\r\n${close}\r\n`,
  `GET /docs HTTP/1.1\r\nHost: evil.example\r\n${close}\r\n`,
  `GET /metrics HTTP/1.1\r\nHost: evil.example\r\n${close}\r\n`,
  `GET /health HTTP/1.1\r\nHost: localhost\r\nExpect: x\r\n${close}\r\n`,
  `OPTIONS /api/chat HTTP/1.1\r\nHost: localhost\r\nAccess-Control-Request-Method: POST\r\n${close}\r\n`,
  `GET /health HTTP/9.9\r\n${close}\r\n`,
  `GET /metrics HTTP/1.1\r\nHost: localhost\r\n${close}\r\n`
]

/** What differs from one run to the next: times, names of answers, sizes in which they are written. */
const VOLATILE = [
  /(?<=^date: ).*$/gim, /(?<=x-stream-id: )\S+/gi, /(?<=x-request-id: )\S+/gi, /(?<="requestId":")[^"]+/g, /(?<="uptime":)\d+/g, /(?<="since":")[^"]+/g, /(?<=(?:services|upstream)="http:\/\/127\.0\.0\.1:)\d+/g, /(?<="url":"http:\/\/127\.0\.0\.1:)\d+/g,
  /(?<=^ratelimit-[a-z]+: )\d+/gim, /(?<=^content-length: )\d+/gim, /(?<=^[a-z_]+(?:\{.*\})? )[\d.e+-]+$/gim
]

/** What a gateway of the given parts says to all of it, and what its log has of it; or by what it refused to start. */
export async function behaviourOf (t: Test, list: typeof parts): Promise<unknown> {
  const service = await upstream(t, { '/chat/stream': streams('the answer'), '/models': json(200, { models: [{ id: 'gpt-x' }] }) })
  const environment = { LOG_LEVEL: 'debug', COPILOT_SERVICE_URL: service.url, DEMO_PAGE: 'off' }
  const lines: Array<Record<string, unknown>> = []
  const stream = new Writable({ write (chunk, _encoding, done) { lines.push(JSON.parse(String(chunk))); done() } })
  const options = serverOptions(environment)
  const app = Fastify({ ...options, logger: { ...options.logger, transport: undefined, stream } })
  try {
    for (const register of list) await register(app, { environment })
    const port = Number(new URL(await app.listen({ host: '127.0.0.1', port: 0 })).port)
    const replies: string[] = []
    for (const request of ASKED) replies.push(normal(await raw(port, request)))
    const told = lines.filter(({ msg }) => msg === 'request ended').map(({ route, status, ended, errorType, caller, level }) => ({ route, status, ended, errorType, caller, level }))
    return { replies, told }
  } catch (error) {
    if (error instanceof Error && REFUSAL.test(error.message)) return 'refused'
    throw error
  } finally {
    await app.close().catch(() => {})
  }
}

/** A reply without what is another each time; headers have no order. */
function normal (reply: string): string {
  const [head = '', ...body] = VOLATILE.reduce((text, pattern) => text.replace(pattern, '*'), reply.replaceAll('\r\n', '\n')).split('\n\n')
  const [status, ...headers] = head.split('\n')
  // What a process counts of itself comes and goes, as its handles do.
  const lines = body.join('\n\n').split('\n').filter(line => !/^(# \w+ )?(nodejs|process)_/.test(line))
  return [status, ...headers.map(header => header.toLowerCase()).sort(), '', ...lines.map(inOrder)].join('\n')
}

/** The routes of an OpenAPI document in an order of their own. */
function inOrder (line: string): string {
  if (!line.startsWith('{"openapi"')) return line
  const { paths, ...rest } = JSON.parse(line)
  return JSON.stringify([rest, Object.entries(paths).sort(([one], [other]) => one < other ? -1 : 1)])
}

/** Tries every move of one part, and expects each to be refused at start, or to change nothing. */
export async function tryMoves (t: Test, move: (at: number) => typeof parts): Promise<void> {
  const expected = await behaviourOf(t, parts)
  let refused = 0
  for (const at of parts.keys()) {
    const name = String(parts[at])
    const found = await behaviourOf(t, move(at))
    if (found === 'refused') refused++
    else t.strictSame(found, expected, `${at}: ${name}`)
  }
  t.ok(refused > 0 && refused < parts.length, `${refused} moves were refused`)
}
