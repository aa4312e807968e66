import type { Readable } from 'node:stream'
import type { Answer } from '../answer/answer.ts'
import type { Exchange, ProtocolName } from '../answer/exchange.ts'
import type { MappedError } from '../errors.ts'

/** The reader of an answer. */
export interface Reader {
  readonly requestId: string
  /** The id of a resumable answer. */
  readonly streamId?: string
  /** After how many milliseconds without output a heartbeat is sent, in protocols that have one. */
  readonly heartbeatMs: number
}

/** The body of an error reply, for a failure before the first byte, in the format that the reader expects. */
export interface Refusal {
  /** Its `Content-Type`. */
  readonly type: string
  readonly body: string
  /** Beside those of every failure. */
  readonly headers?: Readonly<Record<string, string>>
}

/** The format in which a reader gets an answer. It is chosen once per request, by the route, the body and `Accept`. */
export interface Protocol {
  readonly name: ProtocolName
  /** The `Content-Type` of an answer, and what else its headers have beside those of every answer. */
  readonly headers: Readonly<Record<string, string>> & { readonly 'Content-Type': string }
  /**
   * Tells an answer from its beginning to its end, or to its failure. Resolves as soon as something has to be sent, with
   * `exchange.answer` set when that is the answer's first byte; rejects with what failed before, which is still to be refused.
   * A stream that fails is a reply to be cut.
   */
  tell (answer: Promise<Answer>, exchange: Exchange, reader: Reader): Promise<Readable>
  /** Formats a failure before the first byte. */
  refuse (failure: MappedError, requestId: string): Refusal
}
