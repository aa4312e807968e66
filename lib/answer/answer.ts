import type { Readable } from 'node:stream'

/** How an answer reached the gateway: as it was written, or whole after it was finished. */
export type Delivery = 'stream' | 'buffered'

/** Why a service is asked for a buffered answer: it said that it cannot stream, it said so a while ago, or its stream was empty. */
export type Fallback = 'not_supported' | 'remembered' | 'empty'

/** A piece of what a model says of its text or of its thoughts: UTF-8, which may begin and end within a character. */
export interface TextPart {
  /** `text` is what the answer says, `reasoning` what the model thought on the way. */
  readonly type: 'text' | 'reasoning'
  readonly bytes: Buffer
}

/** A tool that the model used, told when it begins and again when it is over. */
export interface ToolPart {
  readonly type: 'tool'
  /** Names this use of the tool within its answer. */
  readonly id: string
  readonly name: string
  readonly state: 'running' | 'done' | 'failed'
  /** What the tool was given: any JSON value. */
  readonly input?: unknown
  readonly output?: string
}

/** One thing that a service tells of an answer. */
export type Part = TextPart | ToolPart

/** Why a model stopped: it had said everything, it had no room for more, or its words were filtered. */
export type FinishReason = 'stop' | 'length' | 'content_filter'

/** What an answer cost, in tokens, as far as the service says. A number that nobody reported is left out. */
export interface Usage {
  readonly inputTokens?: number
  readonly outputTokens?: number
  readonly reasoningTokens?: number
  readonly cachedInputTokens?: number
}

/** How an answer whose transport ended cleanly came to its end. */
export interface Ending {
  /** Null when the service does not say, as with plain text. `length` and `content_filter` are not whole answers. */
  readonly finishReason: FinishReason | null
  readonly usage?: Usage
  /** The model that answered. */
  readonly model?: string
}

/**
 * A place in an answer: what lies before it. Every byte of text and every unit of the rest moves one of the two numbers
 * on, so that a place stays the same however parts are merged or split.
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
  /** Why it is buffered, of an answer that comes right from the service. */
  readonly fallback?: Fallback
  /** The model that was asked for. */
  readonly model?: string
  /** Which service answers: its configured URL, without credentials. */
  readonly service?: string
  /** Where in the whole answer this one begins to be told. */
  readonly offset: Position
  /** How it ended; to be asked once its stream has ended cleanly. */
  readonly ending: () => Ending
  /** Size and digest of the whole text, for an answer that is not told from its beginning; to be asked like `ending`. */
  readonly summary?: () => Summary
}

/** An answer of which only text is told, as the service's own bytes. Destroying `body` gives the answer up. */
export interface BodyAnswer extends AnswerHead {
  /** UTF-8 bytes of text. Fails with an error of the error contract (`lib/errors.ts`). */
  readonly body: Readable
  readonly parts?: undefined
}

/** An answer that is told in parts. Destroying `parts` gives the answer up. */
export interface PartsAnswer extends AnswerHead {
  /** {@link Part}s in object mode. Fails with an error of the error contract (`lib/errors.ts`). */
  readonly parts: Readable
  readonly body?: undefined
}

/** An answer whose first byte has arrived: the one shape of it between the service, the recordings and the readers. */
export type Answer = BodyAnswer | PartsAnswer

/** The stream that an answer comes by, whichever of the two it is. */
export function streamOf ({ body, parts }: Answer): Readable {
  return body ?? parts
}
