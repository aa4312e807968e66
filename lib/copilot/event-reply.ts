import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import type { Ending, Part, TextPart, ToolPart } from '../answer/answer.ts'
import { GatewayError, type ReportedError } from '../errors.ts'
import { isWhole, toEnding } from './ending.ts'
import { EventParser } from './event-parser.ts'
import { fromReport, fromTransport } from './failures.ts'
import { discard } from './reading.ts'

/**
 * Reads the {@link Part}s of an answer that the service sends in the gateway's own event vocabulary (docs/api.md, Events). The stream
 * ends cleanly only after a `done` event that matches what has arrived, whether or not the service closes its reply then. Everything
 * else is a failure of the error contract, which the reader gets after the parts that arrived before it. Unknown events and fields are
 * ignored.
 */
export class EventReply extends Readable {
  /** Resolves when the first part, or an end that explains why there is none, has arrived. Rejects with a failure before that. */
  readonly begun: Promise<void>
  readonly #body: Readable
  readonly #secrets: readonly string[]
  readonly #parser = new EventParser(({ event, data }) => this.#take(event, data))
  readonly #hash = createHash('sha256')
  #begin!: { resolve: () => void, reject: (failure: Error) => void }
  #bytes = 0
  #ending: Ending | undefined
  #closing: NodeJS.Timeout | undefined
  #failure: GatewayError | ReportedError | undefined
  /** True when the service has reported a failure by an `error` event. The rest of its reply is then read and discarded, so that its socket can be reused. */
  #reported = false
  /** The first half of a surrogate pair at the end of an event; the second half has to come with the next event of the same type. */
  #half: { readonly type: TextPart['type'], readonly text: string } | undefined

  /** `body` is UTF-8 and fails with errors of the contract. `secrets` are removed from messages of the service. */
  constructor (body: Readable, secrets: readonly string[]) {
    super({ objectMode: true })
    this.#body = body
    this.#secrets = secrets
    this.begun = new Promise((resolve, reject) => { this.#begin = { resolve, reject } })
    // Readers and those who await `begun` handle failures themselves. Without these two, a failure before that would end the process.
    this.on('error', () => {})
    this.begun.catch(() => {})
    body.on('data', (chunk: Buffer) => {
      if (this.#failure) return
      this.#parser.push(chunk)
      if (this.#parser.tooLarge) this.#fail(new GatewayError('bad_reply', { detail: 'an event of it is too large' }))
    })
    body.once('end', () => this.#finish())
    body.once('error', error => {
      const failure = fromTransport(error, true)
      // After `done`, a silent service is only slow to close its reply.
      if (this.#ending && failure.errorType === 'idle_timeout') this.#finish()
      else this.#fail(failure)
    })
  }

  /** How the answer ended; throws while it has not. */
  get ending (): Ending {
    if (!this.#ending) throw new Error('the answer has not ended')
    return this.#ending
  }

  #take (event: string | undefined, data: string): void {
    if (this.#failure || event === undefined || !KNOWN.has(event)) return
    try {
      if (this.#ending) throw unfit('it goes on behind its end')
      this.#takeEvent(event, parse(data))
    } catch (error) {
      this.#fail(fromTransport(error))
    }
  }

  #takeEvent (event: string, data: Readonly<Record<string, unknown>>): void {
    switch (event) {
      case 'delta':
      case 'reasoning':
        this.#text(event === 'delta' ? 'text' : 'reasoning', data.text)
        break
      case 'tool':
        this.#part(toTool(data))
        break
      case 'done':
        this.#done(data)
        break
      case 'error':
        this.#reported = true
        throw fromReport({
          status: Number(data.status) || 500,
          errorType: this.#bytes > 0 && data.errorType === 'connection' ? 'connection_lost' : typeof data.errorType === 'string' ? data.errorType : '',
          message: typeof data.message === 'string' ? data.message : ''
        }, this.#secrets)
      case 'reconnect':
        // The gateway cannot resume an answer at the service, so the rest of it is lost.
        throw new GatewayError('connection_lost')
    }
  }

  #text (type: TextPart['type'], piece: unknown): void {
    if (typeof piece !== 'string') throw unfit('an event of it has no text')
    let text = piece
    if (this.#half?.type === type) {
      text = this.#half.text + text
      this.#half = undefined
    }
    const half = /[\ud800-\udbff]$/.exec(text)?.[0]
    if (half !== undefined) {
      text = text.slice(0, -1)
      if (this.#half) throw unfit(HALF)
      this.#half = { type, text: half }
    }
    if (!text.isWellFormed()) throw unfit(HALF)
    if (text === '') return
    const bytes = Buffer.from(text)
    if (type === 'text') {
      this.#bytes += bytes.length
      this.#hash.update(bytes)
    }
    this.#part({ type, bytes })
  }

  #part (part: Part): void {
    if (!this.push(part)) this.#body.pause()
    this.#begin.resolve()
  }

  #done (data: Readonly<Record<string, unknown>>): void {
    const ending = toEnding(data)
    if (this.#half) throw unfit(HALF)
    const { bytes, sha256 } = data
    if ((bytes ?? this.#bytes) !== this.#bytes) throw unfit(`it has ${this.#bytes} bytes of text where its end says another number`)
    const digest = this.#hash.digest('hex')
    if (typeof (sha256 ?? digest) !== 'string' || String(sha256 ?? digest).toLowerCase() !== digest) throw unfit('its text does not have the digest that its end says')
    this.#ending = ending
    // The body is read for a moment longer, even if the reader has not taken all parts yet: the service may send something after `done`,
    // which is a failure, or may not close its reply.
    this.#body.resume()
    this.#closing = setTimeout(() => {
      this.#finish()
      this.#body.destroy()
    }, CLOSING_MS)
  }

  /** Ends the stream, as nothing more will come. */
  #finish (): void {
    clearTimeout(this.#closing)
    if (this.#failure) return
    if (!this.#ending) return this.#fail(new GatewayError('connection_lost', { cause: new Error('the events ended without done or error') }))
    if (isWhole(this.#ending) && this.#bytes === 0) return this.#fail(new GatewayError('stream_empty', { ending: this.#ending }))
    this.#begin.resolve()
    this.push(null)
  }

  #fail (failure: GatewayError | ReportedError): void {
    if (this.#failure) return
    this.#failure = failure
    clearTimeout(this.#closing)
    this.#begin.reject(failure)
    if (this.#reported) discard(this.#body)
    else this.#body.destroy()
    this.#failWhenRead()
  }

  /** Destroys the stream with its failure once the reader has taken the parts that arrived before it. */
  #failWhenRead (): void {
    if (this.#failure && this.readableLength === 0) this.destroy(this.#failure)
  }

  override read (size?: number): unknown {
    const part: unknown = super.read(size)
    if (this.#failure) process.nextTick(() => this.#failWhenRead())
    return part
  }

  override _read (): void {
    this.#body.resume()
  }

  override _destroy (error: Error | null, done: (error: Error | null) => void): void {
    clearTimeout(this.#closing)
    if (!this.#reported) this.#body.destroy()
    done(error)
  }
}

/** How long a service has to close its reply after `done`, in milliseconds. */
const CLOSING_MS = 1_000
const KNOWN = new Set(['delta', 'reasoning', 'tool', 'done', 'error', 'reconnect'])
const STATES: ReadonlySet<unknown> = new Set<ToolPart['state']>(['running', 'done', 'failed'])
const HALF = 'its text has half of a character in it'

function unfit (detail: string): GatewayError {
  return new GatewayError('bad_reply', { detail })
}

function parse (data: string): Readonly<Record<string, unknown>> {
  let value: unknown
  try {
    value = JSON.parse(data)
  } catch {}
  if (typeof value !== 'object' || value === null) throw unfit('an event of it is no JSON object')
  return { ...value }
}

function toTool ({ id, name, state, input, output }: Readonly<Record<string, unknown>>): ToolPart {
  if (typeof id !== 'string' || typeof name !== 'string' || !isState(state)) throw unfit('a tool of it has no id, name or state')
  const tool: ToolPart = { type: 'tool', id, name, state, ...(input !== undefined && { input }), ...((output ?? null) !== null && { output: typeof output === 'string' ? output : JSON.stringify(output) }) }
  JSON.parse(JSON.stringify(tool), (_name, value: unknown) => {
    if (typeof value === 'string' && !value.isWellFormed()) throw unfit(HALF)
    return value
  })
  return tool
}

function isState (state: unknown): state is ToolPart['state'] {
  return STATES.has(state)
}
