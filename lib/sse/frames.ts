import { createHash } from 'node:crypto'
import type { Summary } from '../answer/answer.ts'
import type { MappedError } from '../errors.ts'

/** What a reader is told first. */
export interface Start {
  /** Names a resumable answer. */
  readonly streamId?: string
  readonly requestId: string
  readonly delivery: 'stream' | 'buffered'
  /** The model that was asked for. */
  readonly model?: string
}

/** The summary of an answer that has not begun. */
export function nothing (): Summary {
  return { bytes: 0, sha256: createHash('sha256').digest('hex') }
}

/**
 * The frames of an answer as server-sent events (WHATWG HTML §9.2.6). Data is JSON on one line, in which every newline is
 * escaped, so that no text can end a frame.
 */
function frame (event: string, data: unknown): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`
}

/** What the stream is of. */
export function start (data: Start): string {
  return frame('start', data)
}

/** A piece of the answer; `offset` is how many bytes the answer has with it, and where to resume behind it. */
export function delta (text: string, offset: number): string {
  return `event: delta\nid: ${offset}\ndata: {"text":${JSON.stringify(text)}}\n\n`
}

/** The end of an answer that is whole, or was stopped on purpose. */
export function done (reason: 'complete' | 'stopped', { bytes, sha256 }: Summary): string {
  return frame('done', { reason, bytes, sha256 })
}

/** The end of an answer that failed after `bytes` bytes. */
export function error ({ errorType, status, message, retryable }: MappedError, bytes: number): string {
  return frame('error', { errorType, status, message, retryable, bytes })
}

/** The end of this reading of a resumable answer: the rest is to be asked for elsewhere. */
export function reconnect (after: number): string {
  return frame('reconnect', { after })
}

/** A comment that only shows that the connection is alive. One newline: an empty line would make some clients dispatch an empty event. */
export const keepAlive = ': keep-alive\n'
