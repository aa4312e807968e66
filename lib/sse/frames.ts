import { createHash } from 'node:crypto'
import type { Delivery, Ending, FinishReason, Position, Summary, ToolPart } from '../answer/answer.ts'
import type { MappedError } from '../errors.ts'

/** The data of the `start` event. */
export interface Start {
  /** The id of a resumable answer. */
  readonly streamId?: string
  readonly requestId: string
  readonly delivery: Delivery
  /** The model that was asked for. */
  readonly model?: string
}

/** How an answer that did not fail ended: complete, cut off at the model's limit of length, filtered, or stopped on purpose. */
export type DoneReason = 'complete' | 'length' | 'filtered' | 'stopped'

/** The data of the `done` event, the last one of an answer that did not fail. Size and digest cover the text only. */
export interface Done extends Ending, Summary {
  readonly reason: DoneReason
}

/** The reason of the `done` event for a finish reason of the model. Only `complete` means a whole answer. */
export function reasonOf (finishReason: FinishReason | null): DoneReason {
  if (finishReason === 'length') return 'length'
  return finishReason === 'content_filter' ? 'filtered' : 'complete'
}

/** The summary of an answer that has not begun. */
export function nothing (): Summary {
  return { bytes: 0, sha256: createHash('sha256').digest('hex') }
}

/** The id of an event after which the answer is at a position: `40`, or `40.17` once the answer has parts other than text. */
export function idAt ({ bytes, rest }: Position): string {
  return rest === 0 ? String(bytes) : `${bytes}.${rest}`
}

/**
 * The frames of an answer as server-sent events (WHATWG HTML §9.2.6). Data is JSON on one line, in which every newline is
 * escaped, so that no text can end a frame.
 */
function frame (event: string, data: unknown, id?: string): string {
  return `event: ${event}\n${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`
}

/** The `start` event: which answer the stream is of. */
export function start (data: Start): string {
  return frame('start', data)
}

/** The `delta` event: a piece of the answer's text. `at` is the position after it, from which a reader can resume. */
export function delta (text: string, at: Position): string {
  return `event: delta\nid: ${idAt(at)}\ndata: {"text":${JSON.stringify(text)}}\n\n`
}

/** The `reasoning` event: a piece of the model's reasoning; `at` as for {@link delta}. */
export function reasoning (text: string, at: Position): string {
  return `event: reasoning\nid: ${idAt(at)}\ndata: {"text":${JSON.stringify(text)}}\n\n`
}

/** The `tool` event: the model starts a tool call, or the call has ended; `at` as for {@link delta}. */
export function tool ({ id, name, state, input, output }: Omit<ToolPart, 'type'>, at: Position): string {
  return frame('tool', { id, name, state, input, output }, idAt(at))
}

/** The `done` event: the end of an answer that did not fail. */
export function done ({ reason, finishReason, bytes, sha256, usage, model }: Done, at: Position): string {
  return frame('done', { reason, finishReason, bytes, sha256, usage, model }, endAt(at))
}

/** The `error` event: the end of an answer that failed at a position. */
export function error ({ errorType, status, message, retryable }: MappedError, at: Position): string {
  return frame('error', { errorType, status, message, retryable, bytes: at.bytes }, endAt(at))
}

/** The `reconnect` event: this connection ends before its resumable answer does. The client requests the rest on a new connection, with the id of the last event. */
export function reconnect ({ bytes }: Position): string {
  return frame('reconnect', { after: bytes })
}

/** A comment that only shows that the connection is alive. It ends in one newline: an empty line would make some clients dispatch an empty event. */
export const heartbeat = ': keep-alive\n'

/** The id of the last event. A client that sends it as `Last-Event-ID` has read everything. */
function endAt (at: Position): string {
  return `${idAt(at)}.end`
}
