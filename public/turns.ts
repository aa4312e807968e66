import type { ChatMessage, FinishReason, ToolPart, Usage } from '../client/index.ts'

/** The stored data of a failure. */
export interface Failure {
  readonly errorType: string
  readonly message: string
  readonly requestId?: string | undefined
}

/** A question and its answer. The turns of a conversation form a tree: an edited question is another child of the turn before it. */
export interface Turn {
  readonly id: string
  readonly chat: string
  /** The turn before it; absent in the first one. */
  readonly parent?: string | undefined
  /** When it was asked, as `Date.now()` counts. */
  readonly asked: number
  readonly prompt: string
  /** The model that was chosen for this turn alone. */
  readonly model?: string | undefined
  /** The text of the answer so far. */
  answer: string
  /** `open`: the answer is in progress, or was in progress when the page was left. */
  state: 'open' | 'done' | 'stopped' | 'error'
  /** The length of the answer before it was continued, in UTF-16 code units. */
  before?: number | undefined
  reasoning?: string | undefined
  /** How long the model thought before its first word, in milliseconds. */
  thought?: number | undefined
  tools?: ToolPart[] | undefined
  finishReason?: FinishReason | undefined
  usage?: Usage | undefined
  /** The model that answered, as the service names it. */
  answeredBy?: string | undefined
  /** How many earlier turns were not sent along, because the request would have been too large. */
  left?: number | undefined
  /** The stream id and the position from which an open answer can be resumed. */
  streamId?: string | undefined
  position?: string | undefined
  failure?: Failure | undefined
}

type Check = (value: unknown) => boolean

const isString: Check = value => typeof value === 'string'
const isNumber: Check = value => typeof value === 'number'
const isOneOf = (...values: readonly unknown[]): Check => value => values.includes(value)
const maybe = (check: Check): Check => value => value === undefined || value === null || check(value)
const isRecord = (checks: Readonly<Record<string, Check>>): Check => value =>
  typeof value === 'object' && value !== null && Object.entries(checks).every(([name, check]) => check(Object.getOwnPropertyDescriptor(value, name)?.value))

const isTool = isRecord({ id: isString, name: isString, state: isOneOf('running', 'done', 'failed'), output: maybe(isString) })

const isWellFormed = isRecord({
  id: isString,
  chat: isString,
  parent: maybe(isString),
  asked: isNumber,
  prompt: isString,
  model: maybe(isString),
  answer: isString,
  state: isOneOf('open', 'done', 'stopped', 'error'),
  before: maybe(isNumber),
  reasoning: maybe(isString),
  thought: maybe(isNumber),
  tools: maybe(value => Array.isArray(value) && value.every(isTool)),
  finishReason: maybe(isString),
  usage: maybe(isRecord({ inputTokens: maybe(isNumber), outputTokens: maybe(isNumber), reasoningTokens: maybe(isNumber), cachedInputTokens: maybe(isNumber) })),
  answeredBy: maybe(isString),
  left: maybe(isNumber),
  streamId: maybe(isString),
  position: maybe(isString),
  failure: maybe(isRecord({ errorType: isString, message: isString, requestId: maybe(isString) }))
})

/** Validates a stored or imported value, which may come from another version of this page or may have been edited: one odd field would keep its conversation from being shown. */
export function isTurn (value: unknown): value is Turn {
  return isWellFormed(value)
}

/** Merges a tool part into the tools of an answer: the input of a tool may come in an earlier part than its outcome. */
export function withTool (tools: readonly ToolPart[], part: ToolPart): ToolPart[] {
  return tools.some(({ id }) => id === part.id) ? tools.map(tool => tool.id === part.id ? { ...tool, ...part } : tool) : [...tools, part]
}

/** The versions of a question: the turns with the same parent, oldest first. */
export function versions (turns: readonly Turn[], parent: string | undefined): Turn[] {
  return turns.filter(turn => turn.parent === parent).toSorted((one, other) => one.asked - other.asked)
}

/** The shown turns of a conversation: from the first one on, the chosen version of each, or else the newest. */
export function branch (turns: readonly Turn[], chosen: Readonly<Record<string, string>>): Turn[] {
  const path: Turn[] = []
  for (let parent: string | undefined; ;) {
    const here: Turn[] = versions(turns, parent)
    const next: Turn | undefined = here.find(({ id }) => id === chosen[parent ?? '']) ?? here.at(-1)
    if (!next || path.includes(next)) return path
    path.push(next)
    parent = next.id
  }
}

/** The default limit of a request body in bytes (docs/api.md): the only limit on the turns that are sent along. */
export const MAX_BODY = 1_048_576

/** True for an answer that is sent along with later questions: a whole one, or one that was cut off only by its length. */
function counts ({ state, failure }: Turn): boolean {
  return state === 'done' || failure?.errorType === 'length'
}

/**
 * The conversation so far in the gateway's format: answers that are whole, or that reached the model's limit, with their questions,
 * oldest first. When they exceed `room` (bytes of JSON), the oldest turns are left out; `left` is how many turns were left out.
 */
export function messagesOf (turns: readonly Turn[], room: number): { messages: ChatMessage[], left: number } {
  const pairs = turns.filter(counts).map(({ prompt, answer }): ChatMessage[] => [{ role: 'user', content: prompt }, { role: 'assistant', content: answer }])
  let left = pairs.length
  for (; left > 0; left--) {
    room -= bytesOf(pairs[left - 1])
    if (room < 0) break
  }
  return { messages: pairs.slice(left).flat(), left }
}

/** How many bytes a value has as JSON. */
export function bytesOf (value: unknown): number {
  return new TextEncoder().encode(JSON.stringify(value)).length
}
