/** A piece of what the answer says. */
export interface TextPart {
  readonly type: 'text'
  readonly text: string
}

/** A piece of what the model thought on the way; it is no part of {@link Answer.text}. */
export interface ReasoningPart {
  readonly type: 'reasoning'
  readonly text: string
}

/** A tool that the model begins to use (`running`), or is through with. Both have the same `id`. */
export interface ToolPart {
  readonly type: 'tool'
  readonly id: string
  readonly name: string
  readonly state: 'running' | 'done' | 'failed'
  readonly input?: unknown
  readonly output?: string
}

/** What an answer is made of, in the order in which the model wrote it. */
export type AnswerPart = TextPart | ReasoningPart | ToolPart

/** Why the model ended: it was through, its limit of length was reached, or a filter kept the rest back. Null: the service does not say. */
export type FinishReason = 'stop' | 'length' | 'content_filter' | null

/** What an answer cost, as the service says. What it does not say is left out. */
export interface Usage {
  readonly inputTokens?: number
  readonly outputTokens?: number
  readonly reasoningTokens?: number
  readonly cachedInputTokens?: number
}
