import type { FastifyInstance } from 'fastify'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import type { Test } from 'tap'
import type { Ending, Part } from '../../lib/answer/answer.ts'
import { buildCopilotService, type CopilotServiceOptions } from '../../copilot/app.ts'
import { readCopilotConfig, type CopilotConfig } from '../../copilot/config.ts'
import type { Environment } from '../../lib/settings/collect.ts'
import type { AnswerRequest, Engine } from '../../copilot/engines/engine.ts'

/** What `PATH` the runtime needs is this process's; nothing else of its environment reaches a test. */
export function config (env: Environment = {}): CopilotConfig {
  return readCopilotConfig({ PATH: process.env.PATH, ...env })
}

/** Starts the service on a free port of loopback; it is closed with the test. */
export async function service (t: Test, options: Partial<CopilotServiceOptions> & { env?: Environment } = {}): Promise<{ app: FastifyInstance, url: string, port: number }> {
  const { env, ...rest } = options
  const app = await buildCopilotService({ config: config(env), ...rest })
  t.teardown(() => app.close())
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  return { app, url, port: (app.server.address() as AddressInfo).port }
}

/** A `POST` of JSON. */
export function post (url: string, body: object, init: RequestInit = {}): Promise<Response> {
  return fetch(url, { method: 'POST', ...init, headers: { 'content-type': 'application/json', ...init.headers }, body: JSON.stringify(body) })
}

/** The pieces of a streamed answer as text, as they arrive. */
export function pieces (response: Response): AsyncIterator<string> {
  return (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())[Symbol.asyncIterator]()
}

/** Reads until `text` has arrived whole. */
export async function readUntil (iterator: AsyncIterator<string>, text: string): Promise<string> {
  let read = ''
  while (!read.includes(text)) {
    const { done, value } = await iterator.next()
    if (done) throw new Error(`ended after ${JSON.stringify(read)}`)
    read += value
  }
  return read
}

/** An engine that answers as the test says, to show what the service makes of it. Strings are text; `signal` aborts when the answer is given up. */
export function scriptedEngine (
  write: (request: AnswerRequest, options: { signal: AbortSignal }) => AsyncIterable<string | Part>,
  { ending = { finishReason: 'stop' }, ...rest }: Partial<Engine> & { ending?: Ending } = {}
): Engine {
  return {
    answer (request) {
      const left = new AbortController()
      const pieces = write(request, { signal: left.signal })[Symbol.asyncIterator]()
      const parts = new Readable({
        objectMode: true,
        read () {
          pieces.next().then(({ done, value }) => this.push(done ? null : partOf(value)), error => this.destroy(error))
        },
        destroy (error, done) {
          left.abort()
          done(error)
        }
      })
      return { parts, ending: () => ending }
    },
    models: async () => [],
    health: () => ({ engine: 'scripted' }),
    close: async () => {},
    ...rest
  }
}

function partOf (piece: string | Part): Part {
  return typeof piece === 'string' ? { type: 'text', bytes: Buffer.from(piece) } : piece
}

/** A promise that the test settles. */
export function deferred<T> (): { promise: Promise<T>, resolve: (value: T) => void } {
  let resolve!: (value: T) => void
  const promise = new Promise<T>(_resolve => { resolve = _resolve })
  return { promise, resolve }
}

/** Gives, one by one, the log lines that tell of a request's end, none lost. */
export function requestLines (log: Readable): () => Promise<Record<string, unknown>> {
  const lines = createInterface({ input: log })[Symbol.asyncIterator]()
  return async () => {
    while (true) {
      const { value } = await lines.next()
      const line = JSON.parse(value)
      if (line.msg === 'request ended') return line
    }
  }
}
