import type { Tuning } from '../chat-request.ts'

/** The parameters of a chat completion that tune the model. A value that OpenAI's API would refuse is left out. */
export function toTuning (body: Readonly<Record<string, unknown>>): Tuning {
  const { temperature, top_p: topP, seed } = body
  const maxTokens = body.max_completion_tokens ?? body.max_tokens
  const stop = [body.stop].flat()
  return {
    ...(isWithin(temperature, 0, 2) && { temperature }),
    ...(isWithin(topP, 0, 1) && { top_p: topP }),
    ...(isWithin(maxTokens, 1) && Number.isInteger(maxTokens) && { max_tokens: maxTokens }),
    ...(stop.length <= 4 && stop.every(isText) && { stop }),
    ...(isWithin(seed, -Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER) && Number.isInteger(seed) && { seed })
  }
}

/** Of names of parameters, those that are not among the honoured ones. `max_completion_tokens` is another name of `max_tokens`. */
export function notHonoured (names: readonly string[], honoured: readonly string[] = []): string[] {
  return names.filter(name => !honoured.includes(name === 'max_completion_tokens' ? 'max_tokens' : name))
}

function isWithin (value: unknown, least: number, most = Number.MAX_SAFE_INTEGER): value is number {
  return typeof value === 'number' && value >= least && value <= most
}

function isText (value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.isWellFormed()
}
