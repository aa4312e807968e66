/** A piece of the answer's text. */
export interface TextPart {
  readonly type: 'text'
  readonly text: string
}

/** A piece of the model's reasoning; it is not part of {@link Answer.text}. */
export interface ReasoningPart {
  readonly type: 'reasoning'
  readonly text: string
}

/** A tool call of the model. It arrives twice with the same `id`: as `running` when it starts, and again when it has ended. */
export interface ToolPart {
  readonly type: 'tool'
  readonly id: string
  readonly name: string
  readonly state: 'running' | 'done' | 'failed'
  readonly input?: unknown
  readonly output?: string
}

/** A part of an answer. Parts arrive in the order in which the model wrote them. */
export type AnswerPart = TextPart | ReasoningPart | ToolPart

/** Why the model ended: it finished, reached its limit of length, or a content filter withheld the rest. Null: the service does not report it. */
export type FinishReason = 'stop' | 'length' | 'content_filter' | null

/** How many tokens an answer took, as the service reports. Numbers that it does not report are absent. */
export interface Usage {
  readonly inputTokens?: number
  readonly outputTokens?: number
  readonly reasoningTokens?: number
  readonly cachedInputTokens?: number
}
