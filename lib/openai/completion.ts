import type { FinishReason, Usage } from '../answer/answer.ts'

/** The fields that every object of one completion has. */
export interface CompletionHead {
  readonly id: string
  /** Seconds since 1970. */
  readonly created: number
  readonly model: string
}

/** Usage in OpenAI's format, which requires a total: undefined unless input and output tokens were both reported. Other numbers that were not reported are left out. */
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

/** The finish reason in OpenAI's format; `stop` when the service reports none. */
export function toFinishReason (finishReason: FinishReason | null): FinishReason {
  return finishReason ?? 'stop'
}
