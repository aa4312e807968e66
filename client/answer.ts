import { sha256, utf8 } from './digest.ts'
import { badReply, ChatError, networkError } from './error.ts'
import { EventParser, type RawEvent } from './event-parser.ts'
import type { Send } from './gateway.ts'
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
  /** `start`, `delta`, `done`, `error` or `reconnect`. */
  readonly event: string
  readonly id: string | undefined
  /** What its JSON says. */
  readonly data: unknown
}

/** What can be said and heard while an answer is written. The functions are called later than whatever causes the call, never within it. */
export interface AnswerOptions {
  /** Aborting it is the same as {@link Answer.stop}. */
  readonly signal?: AbortSignal | undefined
  /** Called with every new status; `waiting` is the first and is not announced. */
  readonly onStatus?: ((status: AnswerStatus, answer: Answer) => void) | undefined
  /** Called whenever the gateway has taken the question: `answer.streamId` and `requestId` are known. The time to keep them for after a reload. */
  readonly onOpen?: ((answer: Answer) => void) | undefined
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
  /** What is there of the answer. */
  readonly partial: string
  /** How many bytes of UTF-8 the answer has so far: where `resume` goes on. */
  readonly bytes: number
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
}

/** What to read, and how. */
export interface Source {
  readonly send: Send
  /** The request to begin with. Without it, `streamId` is resumed. */
  readonly question?: RequestInit
  readonly streamId?: string
  /** How many bytes of the answer are there already, … */
  readonly after?: number
  /** … and what they are, unless they are no longer known. */
  readonly partial?: string | undefined
  readonly reconnect: ReconnectOptions
}

/** The data of the gateway's events, one in another. */
interface EventData {
  readonly streamId?: string
  readonly requestId?: string
  readonly delivery?: 'stream' | 'buffered'
  readonly text: string
  readonly reason: 'complete' | 'stopped'
  readonly bytes: number
  readonly sha256: string
  readonly errorType: string
  readonly status: number
  readonly message: string
  readonly retryable: boolean
}

/** Refusals of a resumption that pass. Others are those of the answer itself, and asking once more changes nothing. */
const PASSING = ['network', 'rate_limited', 'too_many_streams', 'overloaded', 'draining', 'auth_unavailable']

/** Reads an answer through as many connections as it takes. */
export class StreamedAnswer implements Answer {
  readonly text: Promise<string>
  status: AnswerStatus = 'waiting'
  error: ChatError | undefined
  partial: string
  bytes: number
  streamId: string | undefined
  requestId: string | undefined
  delivery: 'stream' | 'buffered' | undefined

  readonly #source: Source
  readonly #options: AnswerOptions
  readonly #pieces: string[] = []
  /** True while `partial` is the answer from its first byte on, so that its digest can be checked. */
  readonly #fromStart: boolean
  #failures = 0
  /** Ends whatever is being waited for. */
  #interrupt: (() => void) | undefined
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
    this.#fromStart = utf8(this.partial).length === this.bytes
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

    if (signal?.aborted) stop()
    else signal?.addEventListener('abort', stop)
    void this.#run()
  }

  async * [Symbol.asyncIterator] (): AsyncGenerator<string, void> {
    let next = 0
    let over: boolean
    do {
      // Both are asked for first: pieces may come, and the answer end, while one is being looked at.
      const news = this.#news
      over = this.#over
      for (const piece of this.#pieces.slice(next)) {
        next++
        yield piece
      }
      if (!over) await news
    } while (!over)
    if (this.error) throw this.error
  }

  stop (): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop (): Promise<void> {
    if (this.#over) return
    this.#settle(new ChatError('stopped', 'The answer was stopped'))
    this.#interrupt?.()
    // A page that is being left gets this through, too.
    if (this.streamId) await this.#source.send(this.#path(this.streamId), { method: 'DELETE', keepalive: true }).catch(() => {})
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
      const passing = failure && (PASSING.includes(failure.errorType) || (failure.errorType === 'bad_reply' && failure.retryable))
      if (!this.streamId || (failure && !passing) || this.#failures >= tries) return this.#settle(failure ?? networkError('The gateway was shut down'))

      this.#become('reconnecting')
      const { over, end } = pause(backoff(this.#failures++, delay, maxDelay, failure?.retryAfter))
      this.#interrupt = end
      await over
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
    // The question is sent once. Whether a request that failed had arrived, nobody knows.
    const response = this.streamId === undefined
      ? await send('/api/chat', { ...question, signal })
      : await send(this.#path(this.streamId), { headers: { Accept: 'text/event-stream', 'Last-Event-ID': String(this.bytes) }, signal })
    const { headers, body, status } = response
    this.requestId = headers.get('X-Request-Id') ?? undefined
    if (!body || !headers.get('Content-Type')?.startsWith('text/event-stream')) throw badReply('Something that is not the gateway answered', { status })
    this.streamId ??= headers.get('X-Stream-Id') ?? undefined
    this.#call(this.#options.onOpen)
    if (this.status === 'reconnecting') this.#become(this.#pieces.length > 0 ? 'streaming' : 'waiting')
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
      this.#append(data.text, Number(id))
    } else if (event === 'done') {
      this.#settle(data.reason === 'stopped' ? new ChatError('stopped', 'The answer was stopped') : await this.#check(data))
    } else if (event === 'error') {
      const { errorType, message } = data
      this.#settle(new ChatError(errorType, message, data))
    }
    return event === 'done' || event === 'error' || event === 'reconnect'
  }

  #append (text: string, end: number): void {
    // A piece that was stopped meanwhile is not shown any more.
    if (this.#over) return
    if (this.bytes + utf8(text).length !== end) throw corrupt('A piece of the answer is missing')
    this.bytes = end
    this.partial += text
    this.#pieces.push(text)
    this.#failures = 0
    this.#become('streaming')
    this.#tell()
  }

  /** Compares the whole answer with what the gateway says of it. */
  async #check ({ bytes, sha256: expected }: EventData): Promise<ChatError | undefined> {
    if (bytes !== this.bytes) return corrupt('The answer does not have the size that it should have')
    const digest = this.#fromStart ? await sha256(utf8(this.partial)) : undefined
    return digest === undefined || digest === expected ? undefined : corrupt('The answer is not the one that was sent')
  }

  #path (streamId: string): string {
    return `/api/chat/${encodeURIComponent(streamId)}`
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

function corrupt (message: string): ChatError {
  return new ChatError('corrupt', message, { retryable: true })
}
