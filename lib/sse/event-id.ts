import type { Position } from '../answer/answer.ts'

/** Where a reader stands by the id of the last event that it has got. */
export interface EventId {
  /** Without `rest`: the first place at which that many bytes of text are told. */
  readonly from: Pick<Position, 'bytes'> & Partial<Pick<Position, 'rest'>>
  /** It was the id of a last event: nothing is left to be read. */
  readonly end: boolean
}

const ID = /^(?<bytes>\d{1,15})(?:\.(?<rest>\d{1,15}))?(?<end>\.end)?$/

/** Reads an id as `lib/sse/frames.ts` writes them: `40`, `40.17`, `40.17.end`. Undefined for anything else. */
export function parseEventId (id: string): EventId | undefined {
  const { bytes, rest, end } = ID.exec(id)?.groups ?? {}
  if (bytes === undefined) return undefined
  return { from: { bytes: Number(bytes), ...(rest !== undefined && { rest: Number(rest) }) }, end: end !== undefined }
}
