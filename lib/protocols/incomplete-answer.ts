import type { Ending } from '../answer/answer.ts'
import { GatewayError } from '../errors.ts'

/** Why an answer whose transport ended cleanly is none: nothing was said in it, whatever was thought. What its model did not finish is told by its ending. */
export function emptyAnswer ({ finishReason }: Ending, bytes: number): GatewayError | undefined {
  if (bytes > 0 || finishReason === 'length' || finishReason === 'content_filter') return undefined
  return new GatewayError('stream_empty')
}

/** Why an answer whose transport ended cleanly is not whole, for readers who can be told so only by a cut. */
export function incompleteAnswer ({ finishReason }: Ending): GatewayError | undefined {
  if (finishReason === 'length') return new GatewayError('length')
  return finishReason === 'content_filter' ? new GatewayError('filtered') : undefined
}
