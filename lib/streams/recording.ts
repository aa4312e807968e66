import type { Answer, Ending, Part, PartsAnswer, Position, Summary } from '../answer/answer.ts'
import type { GatewayError, ReportedError } from '../errors.ts'

/** What is known of an answer once it has begun: `service` is the base URL, without credentials, of the service that answers. */
export type Beginning = Pick<Answer, 'delivery' | 'model' | 'service' | 'honoured'>

/** Where a reading begins: at a {@link Position}, or, without `rest`, at the first place that has `bytes` bytes of text before it. */
export type From = Pick<Position, 'bytes'> & Partial<Pick<Position, 'rest'>>

/**
 * A reading of a recorded answer: its parts from a place on, first those already recorded and then the new ones as they come. It
 * ends with the answer. When the answer fails, the reading gives every recorded part and then fails with the same error
 * ({@link LiveRecording.fail}). `offset` is the requested place or, in whole characters, up to three bytes before; `summary` is known
 * at the end, after a failure, too. A reader that does not read costs no memory, and delays neither the writer nor other readers.
 */
export type Reading = PartsAnswer & Required<Pick<PartsAnswer, 'summary'>>

/** An answer that is or was recorded, as its readers see it. */
export interface Recording {
  /** The id under which its owner finds the answer: at least 128 random bits, URL-safe. */
  readonly id: string
  /**
   * Reads from a place on. The unit `bytes` begins exactly there; `characters`, the default, begins at the start of the character
   * that contains the place. Resolves when the answer has begun. Rejects with the answer's failure when the answer failed before
   * it began, with a {@link GatewayError} `past_the_end` for a place that the recording does not have (yet), with `not_found` when
   * the recording was dropped, and with the reason of `signal`.
   */
  read (from: From, signal: AbortSignal, unit?: 'bytes' | 'characters'): Promise<Reading>
  /** Size and digest of the text recorded so far. */
  summary (): Promise<Summary>
  /** Whether the answer is over: nothing more of it will come. */
  isOver (): Promise<boolean>
  /** Asks the writer to stop. Resolves when the answer is over; at once when it already is. */
  stop (): Promise<void>
}

/**
 * A recording as its writer sees it. The writer holds the lease of the recording until the answer is over. It awaits each write
 * before the next: the wait is the backpressure. A write rejects with the reason of its signal and, once the lease is lost
 * ({@link Writer.lost}), with the error that the readers get.
 */
export interface LiveRecording extends Recording {
  /** Records that the answer has begun. Pending {@link Recording.read} calls resolve. */
  begin (beginning: Beginning): Promise<void>
  /**
   * Records the next part. Readers may get consecutive parts of text, or of reasoning, merged or split. The writer holds back the
   * bytes of an incomplete character (`CharacterBoundary`), except at the end.
   * Rejects with a {@link GatewayError} `answer_too_large` when the recording would exceed its limit.
   */
  append (part: Part, signal: AbortSignal): Promise<void>
  /** Records the end of an answer that did not fail. Nothing may follow. The store keeps the recording for a while and then deletes it. */
  finish (ending: Ending): Promise<void>
  /** Records why the answer is not whole. No effect once it is over. Never rejects, not even when the store cannot be reached. */
  fail (failure: GatewayError | ReportedError): Promise<void>
}

/** What a recording calls on the writer of its answer. No method is called once the answer is over. */
export interface Writer {
  /** A reader stops the answer: the writer has to end it soon. */
  stop (): void
  /** The number of open readings has changed to `readers`; readings that wait for the beginning count. */
  watched (readers: number): void
  /**
   * The store has dropped the recording for want of room: its id is unknown from now on, so that readers cannot resume it. The
   * writer goes on for the readers that are connected; each write then waits for the slowest of them.
   */
  dropped (): void
  /** The writer has lost its lease and must not write any more. A store in the memory of one process never calls this. */
  lost (failure: GatewayError): void
}

/** Names by which its owner finds a recording, besides its id. */
export interface Names {
  /** The conversation that the answer belongs to. When several of its answers are in progress, the latest is found. */
  readonly chat?: string
}

/** A name that is used for one question only. */
export interface IdempotencyKey {
  readonly value: string
  /** A digest of the question. */
  readonly question: string
}

/** The outcome of claiming a key: a new recording to write, the existing recording for the same question, or a mismatch when the key belongs to another question. */
export type Claim =
  | { readonly outcome: 'created', readonly recording: LiveRecording }
  | { readonly outcome: 'found', readonly recording: Recording }
  | { readonly outcome: 'mismatch' }

/** Keeps recordings: the contract of every store, in memory or shared. Each call may fail as a network does. */
export interface RecordingStore {
  /** Starts a recording that only `owner` may read. Rejects with a {@link GatewayError} `overloaded` when there is no room for one. */
  create (owner: string, writer: Writer, names?: Names): Promise<LiveRecording>
  /**
   * Starts a recording under a key, at most one per key and owner: of concurrent claims exactly one creates the recording. The key
   * becomes free when the recording is deleted, and when the answer fails for a reason other than `stopped`.
   */
  claim (owner: string, writer: Writer, key: IdempotencyKey, names?: Names): Promise<Claim>
  /** Finds a recording; undefined when the id is unknown or belongs to another owner. */
  find (id: string, owner: string): Promise<Recording | undefined>
  /** Finds the latest answer in a conversation that is still being written. */
  findRunning (chat: string, owner: string): Promise<Recording | undefined>
  /** Finds the answer for a key, in progress or over. */
  findKeyed (key: string, owner: string): Promise<Recording | undefined>
  /** Releases memory of this process that nobody needs at the moment: its heap is nearly full. */
  relieve (): void
  /** Releases what the store holds in this process. Recordings in a shared store stay. */
  close (): Promise<void>
}
