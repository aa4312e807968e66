import type { FinishReason, Usage } from '../answer/answer.ts'

/** What every object of one completion says of it. */
export interface CompletionHead {
  readonly id: string
  /** Seconds since 1970. */
  readonly created: number
  readonly model: string
}

/** Usage in OpenAI's words, whose numbers come with their sum: undefined unless both were reported. What else nobody reported is left out. */
export function toOpenAIUsage ({ inputTokens, outputTokens, reasoningTokens, cachedInputTokens }: Usage = {}) {
  if (inputTokens === undefined || outputTokens === undefined) return undefined
  return {
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
    ...(cachedInputTokens !== undefined && { prompt_tokens_details: { cached_tokens: cachedInputTokens } }),
    ...(reasoningTokens !== undefined && { completion_tokens_details: { reasoning_tokens: reasoningTokens } })
  }
}

/** A finish reason in OpenAI's words: a service that does not say one has finished by itself. */
export function toFinishReason (finishReason: FinishReason | null): FinishReason {
  return finishReason ?? 'stop'
}
