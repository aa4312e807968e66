import type { ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { GatewayError } from '../errors.ts'
import { resetConnection } from '../reset-connection.ts'
import { streamOf } from './answer.ts'
import { Story } from './story.ts'

/** The formats in which readers can get an answer. */
export const PROTOCOLS = ['text', 'events', 'openai', 'ai-sdk'] as const

/** The format in which a reader gets an answer. */
export type ProtocolName = (typeof PROTOCOLS)[number]

/** How long a reader has to read the error status or the last event of an answer that was cut, in milliseconds. */
export const LAST_WORDS_MS = 1_000

/**
 * The story of one HTTP reply, from the arrival of its request to its last byte. It is created when the request arrives and settled
 * when the reply is closed. Logs, metrics and traces listen for its end ({@link Story.onOver}).
 */
export class Exchange extends Story {
  readonly #response: ServerResponse
  readonly #ownStory: () => Story
  #controller: AbortController | undefined
  #aborted: { readonly reason: unknown } | undefined
  readonly #answered: Array<(story: Story) => void> = []
  #replayed = false
  #protocol: ProtocolName = 'text'
  #kind: 'answer' | 'recorded' | null = null
  #socket: Socket | undefined
  #bytesBefore = 0
  #bytes: number | undefined
  #lost = false

  /** `report` is told what a listener has thrown. */
  constructor (response: ServerResponse, report: (error: unknown) => void) {
    const since = performance.now()
    super(since, report)
    this.#response = response
    this.#ownStory = () => new Story(since, report)
    // A pipelined reply gets its connection when those before it are over: what was written until then is theirs.
    if (response.socket) this.#connected(response.socket)
    else response.once('socket', socket => this.#connected(socket))
    // Before Node's own listener, which lets the next reply write.
    response.prependOnceListener('finish', () => {
      this.#bytes = this.bytes
      // Node finishes a reply, too, whose connection is closed before all of it was taken.
      this.#lost = this.#socket?.destroyed === true
    })
  }

  /** Aborts when nobody will read the answer any more: the client left, or the answer was cut. The reason of a cut is its failure. */
  get signal (): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController()
      if (this.#aborted) this.#controller.abort(this.#aborted.reason)
    }
    return this.#controller.signal
  }

  /** How many bytes were written to the connection for this reply, head and framing included; none without a connection (`inject`). */
  get bytes (): number {
    return this.#bytes ?? (this.#socket ? this.#socket.bytesWritten - this.#bytesBefore : 0)
  }

  /** How its reader is told; plain text unless {@link setProtocol} says otherwise. */
  get protocol (): ProtocolName { return this.#protocol }

  /** Whether it tells an answer: one that comes right from the service, or a recorded one; null for every other reply, and before an answer was asked for. */
  get kind (): 'answer' | 'recorded' | null { return this.#kind }

  /** Says that this reply is to tell an answer, and how. */
  setProtocol (protocol: ProtocolName, kind: 'answer' | 'recorded'): void {
    this.#protocol = protocol
    this.#kind = kind
  }

  /** True when nothing was asked for this reply: its `Idempotency-Key` has found an answer. */
  get replayed (): boolean { return this.#replayed }

  /** Says that nothing is asked for this reply, because its `Idempotency-Key` has found an answer. */
  markReplayed (): void {
    this.#replayed = true
  }

  /** Begins the story of an answer that this request has asked for and that goes on without this reply. Whoever asks the service writes and settles it. */
  startStory (): Story {
    const story = this.#ownStory()
    for (const listener of this.#answered) story.onOver(() => listener(story))
    return story
  }

  /**
   * Calls a listener once when the answer that this request has asked for is over: with the end of the reply, or of its recording.
   * Never for a reply that asked for none, as another reading of a recorded answer. To be called when the request arrives.
   */
  onAnswered (listener: (story: Story) => void): void {
    this.#answered.push(listener)
    this.onOver(() => { if (this.#kind === 'answer') listener(this) })
  }

  /** Cuts the answer when it has taken more than so many milliseconds from now on, with the given failure. To be called once. */
  limit (duration: number, failure: () => GatewayError): void {
    let timer = setTimeout(() => {
      this.abort(failure())
      // A slow reader may have left much of what was written, by a service that may be through with it.
      timer = setTimeout(() => this.disconnect(failure()), LAST_WORDS_MS)
    }, duration)
    this.onOver(() => clearTimeout(timer))
  }

  /** Ends the answer before its time, wherever it is: what is asked for is given up, what is being read fails, and the reader is told as far as that is possible. */
  abort (failure: GatewayError): void {
    this.#abort(failure)
    if (this.answer) streamOf(this.answer).destroy(failure)
  }

  /** The same for a reader who takes nothing more, and will not be told. */
  override cut (failure: GatewayError): void {
    super.cut(failure)
    this.abort(failure)
  }

  /** Cuts it and closes its connection, for a reader who does not even take what was written. A reply that waits behind another on its connection is closed when its turn comes. */
  disconnect (failure: GatewayError): void {
    this.cut(failure)
    if (this.#socket && this.#response.req.httpVersion === '1.0') resetConnection(this.#socket)
    else (this.#socket ?? this.#response).destroy()
  }

  /** Says that the reply is closed: whole, or cut, or left by its client. */
  override settle (): void {
    if (this.isOver) return
    // Without a connection nobody can leave, and Node does not say when the last byte was taken.
    const whole = (this.#response.writableFinished && !this.#lost) || (this.#response.writableEnded && !(this.#response.req.socket instanceof Socket))
    this.#bytes = this.bytes
    super.settle(whole ? undefined : 'client_left')
    if (!whole) this.#abort(new DOMException('the client left', 'AbortError'))
  }

  #abort (reason: unknown): void {
    this.#aborted ??= { reason }
    this.#controller?.abort(reason)
  }

  #connected (socket: Socket): void {
    if (!(socket instanceof Socket)) return
    this.#socket = socket
    this.#bytesBefore = socket.bytesWritten
  }
}
