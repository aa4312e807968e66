import { EventEmitter, once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'

type Value = string | number | boolean | Value[]

/** A span as it was exported. */
export interface Span {
  readonly traceId: string
  readonly spanId: string
  /** Empty for the root of a trace. */
  readonly parentSpanId: string
  readonly name: string
  readonly kind: 'internal' | 'server' | 'client' | 'other'
  /** Nanoseconds since 1970. */
  readonly start: bigint
  readonly end: bigint
  readonly attributes: Record<string, Value>
  readonly events: string[]
  readonly failed: boolean
  readonly description: string
  /** What is known of the service that made it. */
  readonly resource: Record<string, Value>
}

/** A real collector as far as OTLP over HTTP goes. */
export class Collector extends EventEmitter {
  readonly spans: Span[] = []
  readonly requests: Array<{ readonly path: string, readonly headers: IncomingHttpHeaders, readonly body: Buffer }> = []
  readonly server = createServer(async (request, reply) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const body = Buffer.concat(chunks)
    this.requests.push({ path: request.url ?? '', headers: request.headers, body })
    this.spans.push(...decode(body))
    this.emit('spans')
    if (this.status > 0) reply.writeHead(this.status).end()
  })

  /** What it answers; 0: nothing, ever. */
  status = 200

  get url (): string {
    // A listening TCP server has an address with a port.
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  /** The first span, past or future, for which `wanted` is true. */
  async span (wanted: (span: Span) => boolean): Promise<Span> {
    for (;;) {
      const found = this.spans.find(wanted)
      if (found) return found
      await once(this, 'spans')
    }
  }

  /** A trace whose root has come, as its spans hang together: `POST /api/chat > chat > POST`, siblings in brackets. */
  tree (traceId: string): string {
    const spans = this.spans.filter(span => span.traceId === traceId).sort((a, b) => Number(a.start - b.start))
    const known = new Set(spans.map(({ spanId }) => spanId))
    const below = (parent: (span: Span) => boolean): string => {
      const parts = spans.filter(parent).map(span => [span.name, below(({ parentSpanId }) => parentSpanId === span.spanId)].filter(Boolean).join(' > '))
      return parts.length > 1 ? `[${parts.join(', ')}]` : parts.join('')
    }
    return below(({ parentSpanId }) => !known.has(parentSpanId))
  }
}

/** Starts a collector; it stops with the test. */
export async function collector (t: Test): Promise<Collector> {
  const collector = new Collector()
  collector.server.listen(0, '127.0.0.1')
  await once(collector.server, 'listening')
  t.teardown(() => {
    collector.server.closeAllConnections()
    collector.server.close()
  })
  return collector
}

/** The variables that have a gateway export to a collector, soon; of a page it need not warn. */
export function exportsTo ({ url }: Collector, environment: Record<string, string> = {}): Record<string, string> {
  return { OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_BSP_SCHEDULE_DELAY: '10', DEMO_PAGE: 'off', ...environment }
}

/** Resolves when a condition holds that nothing tells of. */
export async function until (holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries++) {
    if (tries > 2_000) throw new Error('it never came to hold')
    await sleep(10)
  }
}

/** The fields of a protobuf message by their numbers, in the wire format of https://protobuf.dev/programming-guides/encoding. */
class Message {
  readonly #fields = new Map<number, Array<Buffer | bigint>>()

  constructor (bytes: Buffer) {
    let at = 0
    const varint = (): bigint => {
      let value = 0n
      for (let shift = 0n; ; shift += 7n) {
        const byte = bytes[at++] ?? 0
        value |= BigInt(byte & 0x7f) << shift
        if (byte < 0x80) return value
      }
    }
    const take = (length: number): Buffer => {
      at += length
      return bytes.subarray(at - length, at)
    }
    while (at < bytes.length) {
      const key = Number(varint())
      const type = key & 7
      const value = type === 0 ? varint() : take(type === 2 ? Number(varint()) : type === 1 ? 8 : 4)
      this.#fields.set(key >> 3, [...this.#fields.get(key >> 3) ?? [], value])
    }
  }

  has (field: number): boolean { return this.#fields.has(field) }

  bytes (field: number): Buffer[] { return (this.#fields.get(field) ?? []).filter(Buffer.isBuffer) }

  all (field: number): Message[] { return this.bytes(field).map(bytes => new Message(bytes)) }

  text (field: number, encoding: BufferEncoding = 'utf8'): string { return this.bytes(field)[0]?.toString(encoding) ?? '' }

  number (field: number): number { return Number(this.#fields.get(field)?.[0] ?? 0) }

  fixed (field: number): bigint { return this.bytes(field)[0]?.readBigUInt64LE() ?? 0n }
}

const KINDS: Record<number, Span['kind']> = { 1: 'internal', 2: 'server', 3: 'client' }

/** Reads an ExportTraceServiceRequest (opentelemetry/proto/collector/trace/v1). */
function decode (body: Buffer): Span[] {
  return new Message(body).all(1).flatMap(resourceSpans => {
    const resource = attributes(resourceSpans.all(1)[0], 1)
    return resourceSpans.all(2).flatMap(scope => scope.all(2)).map(span => ({
      traceId: span.text(1, 'hex'),
      spanId: span.text(2, 'hex'),
      parentSpanId: span.text(4, 'hex'),
      name: span.text(5),
      kind: KINDS[span.number(6)] ?? 'other',
      start: span.fixed(7),
      end: span.fixed(8),
      attributes: attributes(span, 9),
      events: span.all(11).map(event => event.text(2)),
      failed: span.all(15)[0]?.number(3) === 2,
      description: span.all(15)[0]?.text(2) ?? '',
      resource
    }))
  })
}

function attributes (message: Message | undefined, field: number): Record<string, Value> {
  return Object.fromEntries((message?.all(field) ?? []).map(pair => {
    const [value] = pair.all(2)
    return [pair.text(1), value ? toValue(value) : '']
  }))
}

function toValue (value: Message): Value {
  if (value.has(2)) return value.number(2) === 1
  if (value.has(3)) return value.number(3)
  if (value.has(5)) return value.all(5).flatMap(list => list.all(1)).map(toValue)
  return value.has(4) ? value.bytes(4)[0]?.readDoubleLE() ?? 0 : value.text(1)
}
