import type { Readable } from 'node:stream'

/** How an answer reached the gateway: as it was written, or whole after it was finished. */
export type Delivery = 'stream' | 'buffered'

/** Why a service is asked for a buffered answer: it said that it cannot stream, it said so a while ago, or its stream was empty. */
export type Fallback = 'not_supported' | 'remembered' | 'empty'

/** A piece of text or reasoning: UTF-8, which may begin and end within a character. */
export interface TextPart {
  /** `text` is a piece of the answer, `reasoning` a piece of the model's reasoning. */
  readonly type: 'text' | 'reasoning'
  readonly bytes: Buffer
}

/** A tool call of the model: one part when it starts, and another when it ends. */
export interface ToolPart {
  readonly type: 'tool'
  /** The id of the call within its answer; both parts have it. */
  readonly id: string
  readonly name: string
  readonly state: 'running' | 'done' | 'failed'
  /** The input of the tool: any JSON value. */
  readonly input?: unknown
  readonly output?: string
}

/** One part of an answer. */
export type Part = TextPart | ToolPart

/** Why a model stopped: it finished, reached its limit of length, or a content filter stopped it. */
export type FinishReason = 'stop' | 'length' | 'content_filter'

/** The tokens that an answer took, as far as the service reports them. A number that it does not report is left out. */
export interface Usage {
  readonly inputTokens?: number
  readonly outputTokens?: number
  readonly reasoningTokens?: number
  readonly cachedInputTokens?: number
}

/** The end of an answer whose transport ended cleanly. */
export interface Ending {
  /** Null when the service does not say, as with plain text. `length` and `content_filter` are not whole answers. */
  readonly finishReason: FinishReason | null
  readonly usage?: Usage
  /** The model that answered. */
  readonly model?: string
}

/**
 * A place in an answer, by what lies before it. Every byte of text, and every byte of reasoning or tool part, increases one of the
 * two numbers, so that a position stays valid when parts are merged or split.
 */
export interface Position {
  /** Bytes of text, UTF-8. */
  readonly bytes: number
  /** Bytes of reasoning, and one for each tool part. */
  readonly rest: number
}

/** Where every answer begins. */
export const START: Position = { bytes: 0, rest: 0 }

/** Size and digest of the text of a whole answer: its UTF-8 bytes, and their SHA-256 in lower-case hexadecimal digits. */
export interface Summary {
  readonly bytes: number
  readonly sha256: string
}

interface AnswerHead {
  readonly delivery: Delivery
  /** Why the answer is buffered; only for an answer that comes directly from the service. */
  readonly fallback?: Fallback
  /** The model that was asked for. */
  readonly model?: string
  /** Which service answers: its configured URL, without credentials. */
  readonly service?: string
  /** Names of the parameters of the question's tuning that the service says it honours. */
  readonly honoured?: readonly string[]
  /** The position in the whole answer at which this stream begins. */
  readonly offset: Position
  /** How the answer ended. Call it only after the stream has ended cleanly. */
  readonly ending: () => Ending
  /** Size and digest of the whole text, for an answer whose stream does not start at the beginning. Call it like `ending`. */
  readonly summary?: () => Summary
}

/** An answer that consists only of text, as the service's own bytes. Destroying `body` cancels the answer. */
export interface BodyAnswer extends AnswerHead {
  /** UTF-8 bytes of text. Fails with an error of the error contract (`lib/errors.ts`). */
  readonly body: Readable
  readonly parts?: undefined
}

/** An answer in parts. Destroying `parts` cancels the answer. */
export interface PartsAnswer extends AnswerHead {
  /** {@link Part}s in object mode. Fails with an error of the error contract (`lib/errors.ts`). */
  readonly parts: Readable
  readonly body?: undefined
}

/** An answer whose first byte has arrived. The service, recordings and readers all use this type. */
export type Answer = BodyAnswer | PartsAnswer

/** The stream of an answer: `body` or `parts`. */
export function streamOf ({ body, parts }: Answer): Readable {
  return body ?? parts
}
