import type { Readable } from 'node:stream'
import type { Answer } from '../answer/answer.ts'
import type { Exchange, ProtocolName } from '../answer/exchange.ts'
import type { MappedError } from '../errors.ts'

/** Whom an answer is told. */
export interface Reader {
  readonly requestId: string
  /** Names the answer, when it is a resumable one. */
  readonly streamId?: string
  /** How long nothing may be heard of an answer, in milliseconds, by a reader who can be shown that it is alive. */
  readonly heartbeat: number
}

/** A failure that comes before anything of an answer, in the form that its reader expects. */
export interface Refusal {
  /** Its `Content-Type`. */
  readonly type: string
  readonly body: string
  /** Beside those of every failure. */
  readonly headers?: Readonly<Record<string, string>>
}

/** How a reader is told an answer. Chosen once for a request, by its route, its body and its `Accept`. */
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
  /** Tells a failure before the first byte. */
  refuse (failure: MappedError, requestId: string): Refusal
}
