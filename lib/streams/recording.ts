import type { Answer, Ending, Part, PartsAnswer, Position, Summary } from '../answer/answer.ts'
import type { GatewayError, ReportedError } from '../errors.ts'

/** What is known of an answer once it has begun: `service` is where it can be gone on with, without credentials. */
export type Beginning = Pick<Answer, 'delivery' | 'model' | 'service'>

/** Where a reading begins: at a {@link Position}, or, without `rest`, at the first place at which that many bytes of text are told. */
export type From = Pick<Position, 'bytes'> & Partial<Pick<Position, 'rest'>>

/**
 * A reading of a recorded answer: its parts from a place on, what is recorded and then what comes, as it comes. It ends when
 * the answer does, and fails with the answer's failure ({@link LiveRecording.fail}), after all there is of it. `offset` is the
 * place it was asked for, or, in whole characters, up to three bytes before it; `summary` is known at its end, clean or not.
 * A reader that takes nothing holds up nobody, and keeps nothing but its place.
 */
export type Reading = PartsAnswer & Required<Pick<PartsAnswer, 'summary'>>

/** An answer that is or was recorded, as its readers see it. */
export interface Recording {
  /** Names the answer to its owner: 128 bits or more that nobody can guess, URL-safe. */
  readonly id: string
  /**
   * Reads from a place on: in `bytes`, from just there; in `characters`, which is the default, from where the character begins
   * that the place is in. Resolves when the answer has begun. Rejects with the answer's failure when it ended without
   * beginning, with a {@link GatewayError} `past_the_end` for a place that the recording does not have (yet), `not_found` when
   * the recording is kept no longer, and with the reason of `signal`.
   */
  read (from: From, signal: AbortSignal, unit?: 'bytes' | 'characters'): Promise<Reading>
  /** Size and digest of the text that is recorded so far. */
  summary (): Promise<Summary>
  /** Asks the writer to stop. Resolves when the answer is over, which it may have been before. */
  stop (): Promise<void>
}

/**
 * A recording, as whoever writes it sees it: the holder of its lease, until it is over. One write at a time: each is to be
 * awaited, which holds the writer back when there is no room for more yet. Each rejects with the reason of its signal, and,
 * once the lease is lost ({@link Writer.lost}), with what the readers are told then.
 */
export interface LiveRecording extends Recording {
  /** Says that the answer has begun. Readings wait for it. */
  begin (beginning: Beginning): Promise<void>
  /**
   * Records the next part. Text and thoughts that follow each other may be read as one part, or as several. Bytes of a
   * character that is not whole yet are to be held back (`CharacterBoundary`), but at the end.
   * Rejects with a {@link GatewayError} `answer_too_large` when there would be more than a recording may have.
   */
  append (part: Part, signal: AbortSignal): Promise<void>
  /** Says that the answer came to its end. Nothing may follow. The recording is kept for a while, and then forgotten. */
  finish (ending: Ending): Promise<void>
  /** Says why the answer is not whole; no effect once it is over. Never rejects: readers learn of a writer that is lost in other ways. */
  fail (failure: GatewayError | ReportedError): Promise<void>
}

/** Whoever writes an answer, as far as a recording has to know. Nothing is told once the answer is over. */
export interface Writer {
  /** Somebody wants the answer stopped: it is to be finished soon. */
  stop (): void
  /** How many readings are open now, those that wait for the beginning included. */
  watched (readers: number): void
  /**
   * The recording is kept no longer, because there is no room for it: its id is unknown from now on, and nobody can come back.
   * The answer is to be written on for the readers there are; writes then wait for the slowest of them.
   */
  dropped (): void
  /** The lease was lost: the answer is not this writer's any more, and nothing of it may be written. A store of one process never says so. */
  lost (failure: GatewayError): void
}

/** What a recording may be found by beside its id, by its owner alone. */
export interface Names {
  /** The conversation that it is an answer in; of several that run, the latest is found. */
  readonly chat?: string
}

/** A name that is used for one question only. */
export interface IdempotencyKey {
  readonly value: string
  /** A digest of the question. */
  readonly question: string
}

/** What became of a question with a key: a recording to write, the one that answers it already, or neither, because the key is that of another question. */
export type Claim =
  | { readonly outcome: 'created', readonly recording: LiveRecording }
  | { readonly outcome: 'found', readonly recording: Recording }
  | { readonly outcome: 'mismatch' }

/** Keeps recordings: the contract of every store, in memory or shared. Each call may fail as a network does. */
export interface RecordingStore {
  /** Starts a recording that only `owner` may read. Rejects with a {@link GatewayError} `overloaded` when there is no room for one. */
  create (owner: string, writer: Writer, names?: Names): Promise<LiveRecording>
  /**
   * The same under a key, once: of all who claim it for one owner at the same time, one gets a recording to write. The key is
   * free again when the recording is forgotten, and when it ends by a failure other than `stopped`.
   */
  claim (owner: string, writer: Writer, key: IdempotencyKey, names?: Names): Promise<Claim>
  /** Finds a recording; undefined when there is none by that id, or it is somebody else's. */
  find (id: string, owner: string): Promise<Recording | undefined>
  /** Finds the latest answer in a conversation that is still being written. */
  findRunning (chat: string, owner: string): Promise<Recording | undefined>
  /** Finds the answer that a key has, over or not. */
  findKeyed (key: string, owner: string): Promise<Recording | undefined>
  /** Lets go of what the store holds in this process. What others share stays as it is. */
  close (): Promise<void>
}
