import { sha256, utf8 } from './digest.ts'
import { badReply, ChatError, networkError } from './error.ts'
import { EventParser, type RawEvent } from './event-parser.ts'
import type { Send } from './gateway.ts'
import type { AnswerPart, FinishReason, ToolPart, Usage } from './parts.ts'
import { backoff, pause, type ReconnectOptions, watchdog } from './timing.ts'

/**
 * The status of an answer:
 *
 * - `waiting`: nothing has arrived yet
 * - `streaming`: the answer is arriving
 * - `reconnecting`: the connection was lost, and the client tries to resume the answer
 * - `done`: the answer is complete and was checked
 * - `stopped`: the answer was stopped by {@link Answer.stop}, by the signal, or by another reader
 * - `error`: the answer failed; see {@link Answer.error}
 */
export type AnswerStatus = 'waiting' | 'streaming' | 'reconnecting' | 'done' | 'stopped' | 'error'

/** An event of the gateway (docs/api.md), as it arrived. */
export interface ChatEvent {
  /** `start`, `delta`, `reasoning`, `tool`, `done`, `error` or `reconnect`. */
  readonly event: string
  readonly id: string | undefined
  /** The parsed JSON of the event's data. */
  readonly data: unknown
}

/** The next try to reconnect, while an answer is `reconnecting`. */
export interface Retry {
  /** 1 for the first try since something arrived. */
  readonly attempt: number
  /** How many tries the client makes before the answer fails with a `network` error. */
  readonly tries: number
  /** When the try begins, as `Date.now()` counts; {@link Answer.retryNow} starts it at once. */
  readonly at: number
}

/** A signal and callbacks for an answer. Callbacks are always called asynchronously, never within the call that causes them. */
export interface AnswerOptions {
  /** Aborting it is the same as {@link Answer.stop}. */
  readonly signal?: AbortSignal | undefined
  /** Called with every new status, except the initial `waiting`. */
  readonly onStatus?: ((status: AnswerStatus, answer: Answer) => void) | undefined
  /** Called whenever the gateway has accepted a request: `answer.streamId` and `requestId` are known. A page can store them here, to resume after a reload. */
  readonly onOpen?: ((answer: Answer) => void) | undefined
  /** Called with every part: text, reasoning and tools. */
  readonly onPart?: ((part: AnswerPart, answer: Answer) => void) | undefined
  /** Called before every wait for another try while the answer is `reconnecting`. */
  readonly onRetry?: ((retry: Retry, answer: Answer) => void) | undefined
  /** Called with every event, for a log. */
  readonly onEvent?: ((event: ChatEvent, answer: Answer) => void) | undefined
}

/**
 * An answer in progress. Iterating gives its pieces of text as they arrive. Every iteration starts with the first piece, at any
 * time and any number of times. It throws what {@link text} rejects with, so that an iteration that ends without an error has
 * seen the whole answer. Leaving an iteration does not stop the answer; {@link stop} and the signal do.
 */
export interface Answer extends AsyncIterable<string> {
  /**
   * The whole text. Rejects with a {@link ChatError} when the answer is refused, fails, is stopped or does not match the gateway's
   * digest; the error's `partial` is the text that had arrived. A rejection without a handler is never reported as "unhandled".
   */
  readonly text: Promise<string>
  readonly status: AnswerStatus
  /** What `text` rejects with, once the status is `error` or `stopped`. */
  readonly error: ChatError | undefined
  /** The text so far: from the beginning of the answer, or, when it was resumed without `partial`, from the place where it was resumed. */
  readonly partial: string
  /** The size of the text so far in bytes of UTF-8, including text before a place where it was resumed. */
  readonly bytes: number
  /** The position in the answer, including reasoning and tools: the id of the gateway's latest event. `resume` continues from here. */
  readonly position: string
  /** The parts of the answer. Iterating them works as iterating the answer: from the first part on, with the same errors. */
  readonly parts: AsyncIterable<AnswerPart>
  /** Why the model ended the answer; undefined until the answer has ended. */
  readonly finishReason: FinishReason | undefined
  /** How many tokens the answer took; undefined until it has ended, and when the service does not report usage. */
  readonly usage: Usage | undefined
  /** The model that answered, as the service names it; undefined until the answer has ended, and when the service does not report it. */
  readonly model: string | undefined
  /** The id of a resumable answer; known from `onOpen` on. */
  readonly streamId: string | undefined
  /** The id under which the gateway's log has the latest request for this answer. */
  readonly requestId: string | undefined
  /** `stream`: the answer arrives as the service writes it; `buffered`: it arrives in one piece. Known before the first piece. */
  readonly delivery: 'stream' | 'buffered' | undefined
  /**
   * Stops the answer and the model. The status is `stopped` at once; the promise resolves when the gateway has been told. It never
   * rejects: a gateway that cannot be reached aborts an answer without readers by itself. No effect once the answer is over.
   */
  stop (): Promise<void>
  /** Starts the next try at once while the answer is `reconnecting`. No effect otherwise. */
  retryNow (): void
}

/** The answer to read, and where to begin. */
export interface Source {
  readonly send: Send
  /** The request that asks the question. Without it, the answer `streamId` is resumed. */
  readonly question?: RequestInit
  /** The idempotency key of the question. With it the client may send the question again, because the gateway asks it only once. */
  readonly key?: string | undefined
  readonly streamId?: string
  /** How many bytes of the answer are already known. */
  readonly after?: number
  /** The position after them, including reasoning and tools. */
  readonly position?: string | undefined
  /** The text of these bytes, if it is still known. */
  readonly partial?: string | undefined
  readonly reconnect: ReconnectOptions
}

/** The fields of all of the gateway's events. */
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

/** Temporary errors of a request to resume: the client tries again. All other errors are those of the answer, and final. */
const PASSING = ['network', 'rate_limited', 'too_many_streams', 'overloaded', 'draining', 'auth_unavailable', 'store_unavailable']

/** How often a question is sent again. Few tries: a gateway that is down should not look like a slow one for long. */
const REPEATS = 3

/** Errors after which the client cannot know whether the question has arrived. */
const LOST = ['network']

/** Reads an answer to its end, over several connections if necessary. */
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
  /** Ends the current wait. */
  #interrupt: (() => void) | undefined
  #wake: (() => void) | undefined
  #stopping: Promise<void> | undefined
  #settle!: (error?: ChatError) => void
  /** Wakes up iterations. */
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
        // `onStatus` is called before `text` settles.
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
    // No "unhandled" rejection for a caller that only iterates or only watches the status.
    this.text.catch(() => {})

    // Checked now: a later digest error could not show that `after` and `partial` contradict each other.
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
      // Read before the pieces: more may arrive, and the answer may end, while the consumer handles a piece.
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
    // Until the reply has given the answer an id, the answer can be stopped by its key.
    const { key, send } = this.#source
    const stop: RequestInit = { method: 'DELETE', ...(!this.streamId && key && { headers: { 'Idempotency-Key': key } }) }
    // `keepalive` lets the request complete even when the page is being left.
    if (this.streamId || (key && this.#interrupt)) await send(this.#path(this.streamId), { ...stop, keepalive: true }).catch(() => {})
  }

  get #over (): boolean {
    return this.status === 'done' || this.status === 'stopped' || this.status === 'error'
  }

  /** Reads the answer to its end, over one connection after the other. */
  async #run (): Promise<void> {
    const { tries = 10, delay = 500, maxDelay = 10_000 } = this.#source.reconnect
    while (!this.#over) {
      const failure = await this.#read()
      if (this.#over) return
      // A refused question is reported. When the question or its reply may have been lost, the question is sent again under its key.
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

  /** Reads one connection to its end, which may come before the end of the answer. Resolves with the error, if any; never rejects. */
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
        // Reads on after the last event: to the gateway, a connection closed before its end looks like a reader that left.
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

  /** Handles an event; true when the event ends this connection's part of the answer. */
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
    // A part that arrives after the answer was stopped is dropped.
    if (this.#over) return
    const added = part.type === 'text' ? part.text : ''
    // The first number of an id counts the bytes of text only (docs/api.md).
    const bytes = parseInt(id)
    const before = this.bytes + utf8(added).length - bytes
    // When the place to resume is within a character, the gateway begins with the whole character.
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

  /** Compares the size and the digest of the answer with those that the gateway reports. */
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

/** The error for an answer that ended without a failure and is not whole. */
function lessThanWhole (reason: 'length' | 'filtered' | 'stopped'): ChatError {
  if (reason === 'length') return new ChatError('length', 'The answer reached the longest that the model may write, and breaks off there')
  if (reason === 'filtered') return new ChatError('filtered', 'The rest of the answer was held back by a content filter')
  return new ChatError('stopped', 'The answer was stopped')
}

function corrupt (message: string): ChatError {
  return new ChatError('corrupt', message, { retryable: true })
}
