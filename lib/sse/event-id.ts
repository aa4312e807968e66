import type { Position } from '../answer/answer.ts'

/** The position that the id of a reader's last event stands for. */
export interface EventId {
  /** Without `rest`: the first place that has `bytes` bytes of text before it. */
  readonly from: Pick<Position, 'bytes'> & Partial<Pick<Position, 'rest'>>
  /** True when the event was the last of the answer: nothing is left to read. */
  readonly end: boolean
}

const ID = /^(?<bytes>\d{1,15})(?:\.(?<rest>\d{1,15}))?(?<end>\.end)?$/

/** Parses an event id as `lib/sse/frames.ts` writes it: `40`, `40.17`, `40.17.end`. Undefined for anything else. */
export function parseEventId (id: string): EventId | undefined {
  const { bytes, rest, end } = ID.exec(id)?.groups ?? {}
  if (bytes === undefined) return undefined
  return { from: { bytes: Number(bytes), ...(rest !== undefined && { rest: Number(rest) }) }, end: end !== undefined }
}
