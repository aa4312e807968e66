import type { BodyAnswer, Delivery } from '../answer/answer.ts'
import type { MappedError } from '../errors.ts'

/** What is known of an answer once it has begun. */
export interface Beginning {
  readonly delivery: Delivery
  /** The model that was asked for. */
  readonly model?: string
}

/**
 * A reading of a recorded answer: its bytes from the offset on, what is recorded and then what comes, as it comes. It ends when
 * the answer is whole, and fails with the answer's failure ({@link Recording.finish}) when it is not. `offset` is the one asked
 * for, or, in whole characters, up to three bytes before it; `summary` is of everything recorded so far.
 */
export type Reading = BodyAnswer & Required<Pick<BodyAnswer, 'summary'>>

/** An answer that is recorded while it is written. */
export interface Recording {
  /** Names the answer to its owner: 128 bits or more that nobody can guess, URL-safe. */
  readonly id: string
  /** Says that the answer has begun. Readings wait for it. */
  begin (beginning: Beginning): void
  /**
   * Records the next bytes; every chunk ends where a character does, but for the last.
   * Throws a {@link GatewayError} `answer_too_large` when there would be more of them than a recording may have.
   */
  append (bytes: Buffer): void
  /** Says that the answer is whole, or why it is not. Nothing may follow. The recording is kept for a while, and then forgotten. */
  finish (failure?: MappedError & Error): void
  /**
   * Reads from an offset in bytes: in `bytes`, from just there; in `characters`, which is the default, from where the
   * character begins that the offset is in. Resolves when the answer has begun. Rejects with the answer's failure when it ended
   * without beginning, with a {@link GatewayError} `past_the_end` for an offset that is not recorded yet, and with the
   * reason of `signal`.
   */
  read (offset: number, signal: AbortSignal, unit?: 'bytes' | 'characters'): Promise<Reading>
  /** Asks the writer to stop. Resolves when the answer is over, which it may have been before. */
  stop (): Promise<void>
}

/** Whoever writes an answer, as far as a recording has to know. */
export interface Writer {
  /** Somebody wants the answer stopped: it is to be finished soon. */
  stop (): void
  /** How many readings are open now, those that wait for the beginning included. */
  watched (readers: number): void
}

/** Keeps recordings: the contract of every store, in memory or shared. */
export interface RecordingStore {
  /** Starts a recording that only `owner` may read. Rejects with a {@link GatewayError} `overloaded` when there is no room for one. */
  create (owner: string, writer: Writer): Promise<Recording>
  /** Finds a recording; undefined when there is none by that id, or it is somebody else's. */
  find (id: string, owner: string): Promise<Recording | undefined>
  /** Forgets everything. */
  close (): Promise<void>
}
