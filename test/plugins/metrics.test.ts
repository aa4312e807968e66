import { once } from 'node:events'
import { test } from 'tap'
import { ask, type Gateway, json, pair, rawAsk, type Script, streams, type Upstream } from '../helper.ts'
import { raw } from '../raw.ts'
import { scrape } from '../scrape.ts'

type Scene = Gateway & { service: Upstream }

/** A kind of request. */
interface Kind {
  readonly scripts: Record<string, Script>
  readonly environment?: Record<string, string>
  /** Makes it; resolves when it is over. */
  readonly act: (scene: Scene) => Promise<unknown>
  /** Everything that it adds to the counters, by the values of their labels. */
  readonly requests: Record<string, number>
  readonly answers?: Record<string, number>
  readonly fallbacks?: Record<string, number>
  readonly upstreamErrors?: Record<string, number>
  readonly refused?: Record<string, number>
}

const text = { accept: 'text/plain' }
const events = { accept: 'text/event-stream' }

/** Asks, reads to the end, and waits until the log has the request. */
async function asks ({ url, log }: Scene, id: string, headers: Record<string, string> = text, body: unknown = { prompt: id }): Promise<Response> {
  const response = await ask(url, body, { headers: { ...headers, 'x-request-id': id } })
  await response.text().catch(() => {})
  await log.ended(id)
  return response
}

/** The same for a request without a body. */
async function gets ({ url, log }: Scene, path: string, id: string, headers: Record<string, string> = text, method = 'GET'): Promise<void> {
  await (await fetch(url + path, { method, headers: { ...headers, 'x-request-id': id } })).text().catch(() => {})
  await log.ended(id)
}

/** Waits for the end of the resumable answer that a request asked for. */
async function recorded ({ log }: Scene, id: string): Promise<void> {
  await log.line(({ msg, requestId }) => msg === 'resumable answer ended' && requestId === id)
}

/** Begins an answer that does not end. */
const begins: Script = reply => reply.writeHead(200, { 'content-type': 'text/plain' }).write('begun')

/** Cuts an answer in the middle. */
const cuts: Script = reply => reply.writeHead(200, { 'content-type': 'text/plain' }).write('half', () => reply.destroy())

const kinds: Record<string, Kind> = {
  'whole answers, as text and as events': {
    scripts: { '/chat/stream': streams('whole') },
    act: async scene => {
      await asks(scene, 'one')
      await asks(scene, 'two')
      await asks(scene, 'three', events)
    },
    requests: { '/api/chat 200': 3 },
    answers: { 'stream text complete': 2, 'stream events complete': 1 }
  },
  'a service that cannot stream': {
    scripts: { '/chat': json(200, { output: 'buffered' }) },
    act: async scene => {
      await asks(scene, 'one')
      await asks(scene, 'two')
    },
    requests: { '/api/chat 200': 2 },
    answers: { 'buffered text complete': 2 },
    fallbacks: { not_supported: 1, remembered: 1 }
  },
  'a stream without a byte': {
    scripts: { '/chat/stream': streams(), '/chat': json(200, { output: 'buffered' }) },
    act: scene => asks(scene, 'one', events),
    requests: { '/api/chat 200': 1 },
    answers: { 'buffered events complete': 1 },
    fallbacks: { empty: 1 }
  },
  'an answer that the service cuts': {
    scripts: { '/chat/stream': cuts },
    act: scene => asks(scene, 'one'),
    requests: { '/api/chat 200': 1 },
    answers: { 'stream text upstream_failed': 1 },
    upstreamErrors: { connection: 1 }
  },
  'a service that says what is wrong': {
    scripts: { '/chat/stream': json(429, { error: 'slow down' }), '/models': json(422, { error: 'what?' }) },
    act: async scene => {
      await asks(scene, 'one')
      await gets(scene, '/api/models', 'two')
    },
    requests: { '/api/chat 429': 1, '/api/models 400': 1 },
    answers: { 'none text upstream_failed': 1 },
    upstreamErrors: { rate_limited: 1, invalid_request: 1 }
  },
  'no first byte in time': {
    scripts: { '/chat/stream': () => {} },
    environment: { COPILOT_FIRST_BYTE_TIMEOUT_MS: '20' },
    act: scene => asks(scene, 'one', events),
    requests: { '/api/chat 504': 1 },
    answers: { 'none events timeout': 1 },
    upstreamErrors: { timeout: 1 }
  },
  'a client that leaves before the first byte': {
    scripts: { '/chat/stream': () => {} },
    act: async ({ url, service, log }) => {
      const client = new AbortController()
      const asked = ask(url, undefined, { signal: client.signal }).catch(() => {})
      await service.request()
      client.abort()
      await asked
      await log.ended()
    },
    requests: { '/api/chat none': 1 },
    answers: { 'none text client_left': 1 }
  },
  'a client that leaves in the middle': {
    scripts: { '/chat/stream': begins },
    act: async ({ port, log }) => {
      const socket = await rawAsk(port)
      await once(socket, 'readable')
      socket.destroy()
      await log.ended()
    },
    requests: { '/api/chat 200': 1 },
    answers: { 'stream text client_left': 1 }
  },
  'what the gateway refuses': {
    scripts: {},
    environment: { AUTH_MODE: 'api-key', API_KEYS: 'web:key', METRICS_TOKEN: 'scrapes' },
    act: async scene => {
      await asks(scene, 'one')
      await asks(scene, 'two', { 'x-api-key': 'key' }, { prompt: '' })
      await gets(scene, '/no/such/path', 'three')
      await gets(scene, '/api/chat/no-such-answer', 'four', { 'x-api-key': 'key' })
      await gets(scene, '/metrics', 'five')
    },
    requests: { '/api/chat 401': 1, '/api/chat 400': 1, 'unknown 404': 1, '/api/chat/:streamId 404': 1, '/metrics 401': 1 },
    refused: { unauthenticated: 2, invalid_request: 1, not_found: 2 }
  },
  'what never becomes a request': {
    scripts: {},
    act: async ({ port }) => {
      await raw(port, 'no HTTP at all\r\n\r\n')
      await raw(port, 'GET /%ff HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
    },
    requests: { 'unknown 400': 2 },
    refused: { invalid_request: 2 }
  },
  'a preflight and a probe': {
    scripts: {},
    act: async scene => {
      await (await fetch(`${scene.url}/api/chat`, { method: 'OPTIONS', headers: { origin: 'http://localhost:8080', 'access-control-request-method': 'POST' } })).text()
      await gets(scene, '/health/ready', 'probe')
    },
    requests: { '* 204': 1, '/health/ready 200': 1 }
  },
  'a resumable answer that is read twice': {
    scripts: { '/chat/stream': streams('recorded') },
    act: async scene => {
      const { headers } = await asks(scene, 'one', events, { prompt: 'Hello', resumable: true })
      await gets(scene, `/api/chat/${headers.get('x-stream-id')}`, 'two')
      await recorded(scene, 'one')
    },
    requests: { '/api/chat 200': 1, '/api/chat/:streamId 200': 1 },
    answers: { 'stream events complete': 1 }
  },
  'a resumable answer whose reader leaves, and that is stopped later': {
    scripts: { '/chat/stream': begins },
    act: async scene => {
      const { url, log } = scene
      const client = new AbortController()
      const response = await ask(url, { prompt: 'Hello', resumable: true }, { signal: client.signal, headers: { 'x-request-id': 'one' } })
      client.abort()
      await log.ended('one')
      await gets(scene, `/api/chat/${response.headers.get('x-stream-id')}`, 'two', text, 'DELETE')
      await recorded(scene, 'one')
    },
    requests: { '/api/chat 200': 1, '/api/chat/:streamId 204': 1 },
    answers: { 'stream text stopped': 1 }
  },
  'a resumable answer that fails, and is read again': {
    scripts: { '/chat/stream': cuts },
    act: async scene => {
      const { headers } = await asks(scene, 'one', text, { prompt: 'Hello', resumable: true })
      await recorded(scene, 'one')
      await gets(scene, `/api/chat/${headers.get('x-stream-id')}`, 'two')
    },
    requests: { '/api/chat 200': 1, '/api/chat/:streamId 200': 1 },
    answers: { 'stream text upstream_failed': 1 },
    upstreamErrors: { connection: 1 }
  },
  'a resumable answer that fails before its first byte': {
    scripts: { '/chat/stream': json(500, { error: 'it broke' }) },
    act: async scene => {
      await asks(scene, 'one', events, { prompt: 'Hello', resumable: true })
      await recorded(scene, 'one')
    },
    requests: { '/api/chat 500': 1 },
    answers: { 'none events upstream_failed': 1 },
    upstreamErrors: { upstream: 1 }
  },
  'no room for a resumable answer': {
    scripts: {},
    environment: { RESUME_MAX_BYTES: '0' },
    act: scene => asks(scene, 'one', text, { prompt: 'Hello', resumable: true }),
    requests: { '/api/chat 503': 1 },
    refused: { overloaded: 1 }
  }
}

for (const [name, { scripts, environment, act, requests, answers = {}, fallbacks = {}, upstreamErrors = {}, refused = {} }] of Object.entries(kinds)) {
  test(`${name}: what is counted`, async t => {
    const scene = await pair(t, scripts, environment)
    await act(scene)
    const seen = await scrape(scene.url, environment?.METRICS_TOKEN)
    t.strictSame({
      requests: seen.counted('gateway_requests_total'),
      answers: seen.counted('gateway_answers_total'),
      fallbacks: seen.counted('gateway_fallbacks_total'),
      upstreamErrors: seen.counted('gateway_upstream_errors_total'),
      refused: seen.counted('gateway_refused_total')
    }, { requests, answers, fallbacks, upstreamErrors, refused })

    const begun = Object.entries(answers).reduce((sum, [labels, count]) => sum + (labels.startsWith('none') ? 0 : count), 0)
    t.equal(seen.value('gateway_first_byte_seconds_count'), begun, 'answers that have begun')
    t.equal(seen.value('gateway_answer_seconds_count'), begun)
  })
}
