import type { Ending, FinishReason, Usage } from '../answer/answer.ts'
import { GatewayError } from '../errors.ts'

/** The fields of a `done` event or a buffered reply, before validation. */
export type EndReport = Readonly<Record<string, unknown>>

/** The reasons of a `done` event, as finish reasons. */
const REASONS: ReadonlyMap<string, FinishReason | null> = new Map([['complete', null], ['length', 'length'], ['filtered', 'content_filter']])

/** The names of the usage numbers. */
const NUMBERS: ReadonlySet<string> = new Set<keyof Usage>(['inputTokens', 'outputTokens', 'reasoningTokens', 'cachedInputTokens'])

/**
 * Reads how an answer ended. What is missing, null, or no number of tokens is left out. Throws a {@link GatewayError}: `stopped`
 * when the answer was stopped, `bad_reply` for a reason that is not known, behind which no answer can be taken for whole.
 */
export function toEnding ({ reason, finishReason, usage, model }: EndReport): Ending {
  if (reason === 'stopped') throw new GatewayError('stopped')
  const tokens = toUsage(usage)
  return {
    finishReason: incomplete(REASONS.get(name(reason) ?? 'complete')) ?? toFinishReason(name(finishReason)),
    ...(tokens && { usage: tokens }),
    ...(typeof model === 'string' && model !== '' && { model: model.slice(0, 200).toWellFormed() })
  }
}

/** True for the end of a whole answer. */
export function isWhole ({ finishReason }: Ending): boolean {
  return finishReason === null || finishReason === 'stop'
}

function name (value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'string') return value
  throw unknown()
}

/** When the two reasons differ, the one that means an incomplete answer wins. */
function incomplete (reason: FinishReason | null | undefined): FinishReason | null {
  if (reason === undefined) throw unknown()
  return reason
}

function toFinishReason (reason: string | undefined): FinishReason | null {
  if (reason === undefined) return null
  if (reason === 'stop' || reason === 'length' || reason === 'content_filter') return reason
  throw unknown()
}

function unknown (): GatewayError {
  return new GatewayError('bad_reply', { detail: 'it ended for a reason that is not known' })
}

/** The tokens that were counted; each number that was reported, and no other. */
function toUsage (report: unknown): Usage | undefined {
  if (typeof report !== 'object' || report === null) return undefined
  const counts = Object.entries<unknown>({ ...report }).filter(([name, value]) => NUMBERS.has(name) && isCount(value))
  return counts.length > 0 ? Object.fromEntries(counts) : undefined
}

function isCount (value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}
