import { sha256, utf8 } from './digest.ts'
import { badReply, ChatError, networkError } from './error.ts'
import { EventParser, type RawEvent } from './event-parser.ts'
import type { Send } from './gateway.ts'
import type { AnswerPart, FinishReason, ToolPart, Usage } from './parts.ts'
import { backoff, pause, type ReconnectOptions, watchdog } from './timing.ts'

/**
 * How an answer is getting on:
 *
 * - `waiting`: nothing of it is there yet
 * - `streaming`: it is being written
 * - `reconnecting`: the connection was lost; the client goes after it
 * - `done`: it is whole, and checked
 * - `stopped`: by {@link Answer.stop}, by the signal, or by another reader
 * - `error`: see {@link Answer.error}
 */
export type AnswerStatus = 'waiting' | 'streaming' | 'reconnecting' | 'done' | 'stopped' | 'error'

/** An event of the gateway (docs/api.md), as it was told. */
export interface ChatEvent {
  /** `start`, `delta`, `reasoning`, `tool`, `done`, `error` or `reconnect`. */
  readonly event: string
  readonly id: string | undefined
  /** What its JSON says. */
  readonly data: unknown
}

/** What the client waits for while an answer is `reconnecting`. */
export interface Retry {
  /** 1 for the first try since something arrived. */
  readonly attempt: number
  /** How many tries there are before the answer is a `network` error. */
  readonly tries: number
  /** When the try begins, by `Date.now()`; {@link Answer.retryNow} has it begin at once. */
  readonly at: number
}

/** What can be said and heard while an answer is written. The functions are called later than whatever causes the call, never within it. */
export interface AnswerOptions {
  /** Aborting it is the same as {@link Answer.stop}. */
  readonly signal?: AbortSignal | undefined
  /** Called with every new status; `waiting` is the first and is not announced. */
  readonly onStatus?: ((status: AnswerStatus, answer: Answer) => void) | undefined
  /** Called whenever the gateway has taken the question: `answer.streamId` and `requestId` are known. The time to keep them for after a reload. */
  readonly onOpen?: ((answer: Answer) => void) | undefined
  /** Called with every part, the reasoning and the tools as well as the text: the way to show an answer with all that belongs to it. */
  readonly onPart?: ((part: AnswerPart, answer: Answer) => void) | undefined
  /** Called before every wait for another try while the answer is `reconnecting`. */
  readonly onRetry?: ((retry: Retry, answer: Answer) => void) | undefined
  /** Called with every event, for a log. */
  readonly onEvent?: ((event: ChatEvent, answer: Answer) => void) | undefined
}

/**
 * An answer that is being written. Iterating gives its pieces as they come, from the first one whenever the iteration
 * begins, as often as one likes; it throws as {@link text} rejects, so that an iteration that ends by itself has seen a
 * whole answer. Leaving an iteration does not stop the answer: {@link stop} and the signal do.
 */
export interface Answer extends AsyncIterable<string> {
  /**
   * The whole answer. Rejects with a {@link ChatError} when it is refused, fails, is stopped or is not what the gateway sent;
   * its `partial` is what had arrived. Nobody has to look: a rejection is never "unhandled".
   */
  readonly text: Promise<string>
  readonly status: AnswerStatus
  /** What `text` rejects with, once the status is `error` or `stopped`. */
  readonly error: ChatError | undefined
  /** What is there of the answer: from its beginning on, or, when it is resumed without its `partial`, from that place on. */
  readonly partial: string
  /** How many bytes of UTF-8 the whole text has so far, those before `partial` included. */
  readonly bytes: number
  /** Where the answer stands, reasoning and tools included: the id of the gateway's latest event. What `resume` goes on from. */
  readonly position: string
  /** The parts of the answer from the first one on, as iterating the answer gives its pieces of text; they throw in the same way. */
  readonly parts: AsyncIterable<AnswerPart>
  /** Why the model ended; undefined until it did. */
  readonly finishReason: FinishReason | undefined
  /** What it cost; undefined until it ended, and when the service does not say. */
  readonly usage: Usage | undefined
  /** What answered, by the service's own name; undefined until it ended, and when the service does not say. */
  readonly model: string | undefined
  /** Names a resumable answer, from `onOpen` on. */
  readonly streamId: string | undefined
  /** Finds the latest request for this answer in the gateway's log. */
  readonly requestId: string | undefined
  /** `stream`: as the service writes it; `buffered`: it comes whole. Known before the first piece. */
  readonly delivery: 'stream' | 'buffered' | undefined
  /**
   * Stops the answer, and the model's work on it. The status is `stopped` at once; resolves when the gateway knows. Never
   * rejects: a gateway that cannot be told gives an answer up that nobody reads. No effect once the answer is over.
   */
  stop (): Promise<void>
  /** Ends the wait while the answer is `reconnecting`. No effect otherwise. */
  retryNow (): void
}

/** What to read, and how. */
export interface Source {
  readonly send: Send
  /** The request to begin with. Without it, `streamId` is resumed. */
  readonly question?: RequestInit
  /** Names the question, which may then be sent again: it is asked once. */
  readonly key?: string | undefined
  readonly streamId?: string
  /** How many bytes of the answer are there already, … */
  readonly after?: number
  /** … where that is, reasoning and tools included, … */
  readonly position?: string | undefined
  /** … and what they are, unless they are no longer known. */
  readonly partial?: string | undefined
  readonly reconnect: ReconnectOptions
}

/** The data of the gateway's events, one in another. */
interface EventData extends Omit<ToolPart, 'type'> {
  readonly streamId?: string
  readonly requestId?: string
  readonly delivery?: 'stream' | 'buffered'
  readonly text: string
  readonly reason: 'complete' | 'length' | 'filtered' | 'stopped'
  readonly finishReason?: FinishReason
  readonly usage?: Usage
  readonly model?: string
  readonly bytes: number
  readonly sha256: string
  readonly errorType: string
  readonly status: number
  readonly message: string
  readonly retryable: boolean
}

/** Refusals of a resumption that pass. Others are those of the answer itself, and asking once more changes nothing. */
const PASSING = ['network', 'rate_limited', 'too_many_streams', 'overloaded', 'draining', 'auth_unavailable']

/** How often a question is sent again. A gateway that is gone shall not look for long like one that is slow. */
const REPEATS = 3

/** Failures after which nobody knows whether a question has arrived. */
const LOST = ['network']

/** Reads an answer through as many connections as it takes. */
export class StreamedAnswer implements Answer {
  readonly text: Promise<string>
  status: AnswerStatus = 'waiting'
  error: ChatError | undefined
  partial: string
  bytes: number
  position: string
  finishReason: FinishReason | undefined
  usage: Usage | undefined
  model: string | undefined
  streamId: string | undefined
  requestId: string | undefined
  delivery: 'stream' | 'buffered' | undefined

  readonly #source: Source
  readonly #options: AnswerOptions
  readonly #parts: AnswerPart[] = []
  /** True while `partial` is the answer from its first byte on, so that its digest can be checked. */
  readonly #fromStart: boolean
  #failures = 0
  /** Ends whatever is being waited for. */
  #interrupt: (() => void) | undefined
  #wake: (() => void) | undefined
  #stopping: Promise<void> | undefined
  #settle!: (error?: ChatError) => void
  /** Wakes up those who iterate. */
  #more: (() => void) | undefined
  #news!: Promise<void>

  constructor (source: Source, options: AnswerOptions) {
    this.#source = source
    this.#options = options
    this.streamId = source.streamId
    this.partial = source.partial ?? ''
    this.bytes = source.after ?? 0
    this.position = source.position ?? String(this.bytes)
    this.#fromStart = source.partial !== undefined || this.bytes === 0
    this.#tell()

    const { signal } = options
    const stop = (): void => { void this.stop() }
    this.text = new Promise((resolve, reject) => {
      this.#settle = error => {
        if (this.#over) return
        signal?.removeEventListener('abort', stop)
        this.error = error
        // Who is called with the status is called before those who wait for the text.
        if (!error) {
          this.#become('done')
          resolve(this.partial)
        } else {
          error.partial = this.partial
          error.requestId ??= this.requestId
          this.#become(error.errorType === 'stopped' ? 'stopped' : 'error')
          reject(error)
        }
        this.#tell()
      }
    })
    // Who only iterates, or only watches the status, has been told.
    this.text.catch(() => {})

    // Nobody could tell later which of the two was wrong.
    const known = source.partial === undefined ? this.bytes : utf8(this.partial).length
    if (known !== this.bytes || parseInt(this.position) !== this.bytes) this.#settle(corrupt('What is there of the answer does not reach to where it is to be read on'))
    if (signal?.aborted) stop()
    else signal?.addEventListener('abort', stop)
    void this.#run()
  }

  async * [Symbol.asyncIterator] (): AsyncGenerator<string, void> {
    for await (const part of this.parts) if (part.type === 'text') yield part.text
  }

  get parts (): AsyncIterable<AnswerPart> {
    return { [Symbol.asyncIterator]: () => this.#iterate() }
  }

  async * #iterate (): AsyncGenerator<AnswerPart, void> {
    let next = 0
    let over: boolean
    do {
      // Both are asked for first: pieces may come, and the answer end, while one is being looked at.
      const news = this.#news
      over = this.#over
      for (const part of this.#parts.slice(next)) {
        next++
        yield part
      }
      if (!over) await news
    } while (!over)
    if (this.error) throw this.error
  }

  stop (): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  retryNow (): void {
    this.#wake?.()
  }

  async #stop (): Promise<void> {
    if (this.#over) return
    this.#settle(lessThanWhole('stopped'))
    this.#interrupt?.()
    // Before the reply has named the answer, it can be stopped by its key.
    const { key, send } = this.#source
    const stop: RequestInit = { method: 'DELETE', ...(!this.streamId && key && { headers: { 'Idempotency-Key': key } }) }
    // A page that is being left gets this through, too.
    if (this.streamId || (key && this.#interrupt)) await send(this.#path(this.streamId), { ...stop, keepalive: true }).catch(() => {})
  }

  get #over (): boolean {
    return this.status === 'done' || this.status === 'stopped' || this.status === 'error'
  }

  /** Sees the answer to its end, over one connection after the other. */
  async #run (): Promise<void> {
    const { tries = 10, delay = 500, maxDelay = 10_000 } = this.#source.reconnect
    while (!this.#over) {
      const failure = await this.#read()
      if (this.#over) return
      // A refusal of a question is for the person; one that may have been lost, or its answer, can be repeated under its key.
      const [kinds, most] = this.streamId ? [PASSING, tries] : [LOST, this.#source.key && this.bytes === 0 ? Math.min(tries, REPEATS) : 0]
      const passing = !failure || kinds.includes(failure.errorType) || (failure.errorType === 'bad_reply' && failure.retryable)
      if (!passing || this.#failures >= most) return this.#settle(failure ?? networkError('The gateway was shut down'))

      this.#become('reconnecting')
      const wait = backoff(this.#failures++, delay, maxDelay, failure?.retryAfter)
      const retry: Retry = { attempt: this.#failures, tries, at: Date.now() + wait }
      const { onRetry } = this.#options
      if (onRetry) queueMicrotask(() => onRetry(retry, this))
      const { over, end } = pause(wait)
      this.#interrupt = this.#wake = end
      await over
      this.#wake = undefined
    }
  }

  /** Reads over one connection until it ends, the answer with it or not. Resolves with what went wrong; never rejects. */
  async #read (): Promise<ChatError | undefined> {
    const connection = new AbortController()
    const abort = (): void => connection.abort()
    this.#interrupt = abort
    const { alive, end } = watchdog(this.#source.reconnect.silence ?? 45_000, () => this.streamId !== undefined, abort)
    let failure: ChatError | undefined
    try {
      const reader = (await this.#open(connection.signal)).getReader()
      const parser = new EventParser()
      let ended = false
      for (;;) {
        // Read on behind the last event: a connection that is let go of before its end looks like a reader that left.
        const { done, value } = await reader.read()
        if (done) break
        alive()
        for (const event of parser.push(value)) ended ||= await this.#take(event)
      }
      if (!ended) failure = networkError('The connection was lost in the middle of the answer')
    } catch (error) {
      failure = error instanceof ChatError ? error : networkError('The connection was lost in the middle of the answer', error)
    }
    end()
    connection.abort()
    return failure
  }

  async #open (signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const { send, question } = this.#source
    const response = this.streamId === undefined
      ? await send(this.#path(), { ...question, signal })
      : await send(this.#path(this.streamId), { headers: { Accept: 'text/event-stream', 'Last-Event-ID': this.position }, signal })
    const { headers, body, status } = response
    this.requestId = headers.get('X-Request-Id') ?? undefined
    if (!body || !headers.get('Content-Type')?.startsWith('text/event-stream')) throw badReply('Something that is not the gateway answered', { status })
    this.streamId ??= headers.get('X-Stream-Id') ?? undefined
    this.#call(this.#options.onOpen)
    if (this.status === 'reconnecting') this.#become(this.#parts.length > 0 ? 'streaming' : 'waiting')
    return body
  }

  /** Takes an event; true for one that ends the reading. */
  async #take ({ event, id, data: json }: RawEvent): Promise<boolean> {
    let data: EventData
    try {
      data = JSON.parse(json)
    } catch (cause) {
      throw badReply('The gateway sent an event that is not understood', { cause })
    }
    const { onEvent } = this.#options
    if (onEvent) queueMicrotask(() => onEvent({ event, id, data }, this))

    if (event === 'start') {
      this.delivery = data.delivery
    } else if (event === 'delta') {
      this.#append({ type: 'text', text: data.text }, id)
    } else if (event === 'reasoning') {
      this.#append({ type: 'reasoning', text: data.text }, id)
    } else if (event === 'tool') {
      const { id: tool, name, state, input, output } = data
      this.#append({ type: 'tool', id: tool, name, state, ...input !== undefined && { input }, ...output !== undefined && { output } }, id)
    } else if (event === 'done') {
      const { finishReason = null, usage, model, reason } = data
      Object.assign(this, { finishReason, usage, model })
      const cut = reason === 'complete' ? undefined : lessThanWhole(reason)
      this.#settle(reason === 'stopped' ? cut : await this.#check(data) ?? cut)
    } else if (event === 'error') {
      const { errorType, message } = data
      this.#settle(new ChatError(errorType, message, data))
    }
    return event === 'done' || event === 'error' || event === 'reconnect'
  }

  #append (part: AnswerPart, id = ''): void {
    // A part that was stopped meanwhile is not shown any more.
    if (this.#over) return
    const added = part.type === 'text' ? part.text : ''
    // The first number of an id counts the text alone (docs/api.md).
    const bytes = parseInt(id)
    const before = this.bytes + utf8(added).length - bytes
    // A rest that was asked for from within a character begins with the character.
    const first = !this.#fromStart && this.partial === ''
    if (!(before === 0 || (first && before > 0 && before < 4))) throw corrupt('A piece of the answer is missing')
    this.bytes = bytes
    this.position = id
    this.partial += added
    this.#parts.push(part)
    this.#failures = 0
    const { onPart } = this.#options
    if (onPart) queueMicrotask(() => onPart(part, this))
    this.#become('streaming')
    this.#tell()
  }

  /** Compares the whole answer with what the gateway says of it. */
  async #check ({ bytes, sha256: expected }: EventData): Promise<ChatError | undefined> {
    if (bytes !== this.bytes) return corrupt('The answer does not have the size that it should have')
    const digest = this.#fromStart ? await sha256(utf8(this.partial)) : undefined
    return digest === undefined || digest === expected ? undefined : corrupt('The answer is not the one that was sent')
  }

  #path (streamId?: string): string {
    return streamId === undefined ? '/api/chat' : `/api/chat/${encodeURIComponent(streamId)}`
  }

  #become (status: AnswerStatus): void {
    if (this.status === status) return
    this.status = status
    const { onStatus } = this.#options
    if (onStatus) queueMicrotask(() => onStatus(status, this))
  }

  #call (listener: ((answer: Answer) => void) | undefined): void {
    if (listener) queueMicrotask(() => listener(this))
  }

  #tell (): void {
    this.#more?.()
    this.#news = new Promise(resolve => { this.#more = resolve })
  }
}

/** Why an answer that ended for a reason of its own is not whole. */
function lessThanWhole (reason: 'length' | 'filtered' | 'stopped'): ChatError {
  if (reason === 'length') return new ChatError('length', 'The answer reached the longest that the model may write, and breaks off there')
  if (reason === 'filtered') return new ChatError('filtered', 'The rest of the answer was held back by a content filter')
  return new ChatError('stopped', 'The answer was stopped')
}

function corrupt (message: string): ChatError {
  return new ChatError('corrupt', message, { retryable: true })
}
