import { EventEmitter, once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { createParser, type EventSourceMessage } from 'eventsource-parser'
import type { Test } from 'tap'
import type { Answer, Ending, Part, PartsAnswer, Position } from '../../../lib/answer/answer.ts'
import { Exchange } from '../../../lib/answer/exchange.ts'
import { mapError } from '../../../lib/errors.ts'
import type { Protocol, Reader } from '../../../lib/protocols/protocol.ts'

export const HOUR = 3_600_000

/** A piece of text, or of what was thought. */
export const text = (said: string): Part => ({ type: 'text', bytes: Buffer.from(said) })
export const reasoning = (thought: string): Part => ({ type: 'reasoning', bytes: Buffer.from(thought) })

/** An answer in the given parts, which ends as given, or fails behind them. */
export function answer (parts: readonly Part[], ending: Ending = { finishReason: 'stop' }, failure?: Error, offset: Position = { bytes: 0, rest: 0 }): PartsAnswer {
  const stream = Readable.from((async function * () {
    yield * parts
    if (failure) throw failure
  })())
  return { delivery: 'stream', model: 'm', offset, parts: stream, ending: () => ending }
}

/** What a client of HTTP has got of a reply. */
export interface Told { readonly status: number, readonly headers: Record<string, string>, readonly body: string, readonly whole: boolean, readonly exchange: Exchange }

/** Has a protocol tell an answer to a real client, as the gateway does. One that is made by a function can wait until there is something to be sent. */
export async function telling (t: Test, protocol: Protocol, pending: Answer | ((committed: Promise<unknown>) => Promise<Answer>), reader: Partial<Reader> = {}): Promise<Told> {
  const exchanges: Exchange[] = []
  const server = createServer((_request: IncomingMessage, response: ServerResponse) => {
    const exchange = new Exchange(response, error => { throw error })
    exchanges.push(exchange)
    response.once('close', () => exchange.settle())
    const committed = new EventEmitter()
    protocol.tell(typeof pending === 'function' ? pending(once(committed, 'committed')) : Promise.resolve(pending), exchange, { requestId: 'r', heartbeatMs: HOUR, ...reader }).then(stream => {
      response.writeHead(200, protocol.headers)
      committed.emit('committed')
      stream.once('error', () => response.destroy()).pipe(response)
      response.once('close', () => stream.destroy())
    }, (error: unknown) => {
      exchange.fail(error)
      const failure = mapError(error)
      const { type, body, headers } = protocol.refuse(failure, 'r')
      response.writeHead(failure.status, { ...headers, 'content-type': type }).end(body)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  let body = ''
  const decoder = new TextDecoder()
  const whole = await (async () => {
    for await (const chunk of response.body ?? []) body += decoder.decode(chunk, { stream: true })
    return true
  })().catch(() => false)
  server.closeAllConnections()
  const [exchange] = exchanges
  if (!exchange) throw new Error('nobody asked')
  if (!exchange.isOver) await new Promise<void>(resolve => exchange.onOver(resolve))
  return { status: response.status, headers: Object.fromEntries(response.headers), body, whole, exchange }
}

/** The events that a parser of the standard reads out of a stream; data that is JSON is parsed. */
export function parse (wire: string): Array<{ event?: string | undefined, id?: string | undefined, data: unknown }> {
  const messages: EventSourceMessage[] = []
  createParser({ onEvent: message => messages.push(message) }).feed(wire)
  return messages.map(({ event, id, data }) => ({ ...(event !== undefined && { event }), ...(id !== undefined && { id }), data: data.startsWith('{') ? JSON.parse(data) : data }))
}
