import type { ChatMessage, FinishReason, ToolPart, Usage } from '../client/index.ts'

/** What is kept of a failure. */
export interface Failure {
  readonly errorType: string
  readonly message: string
  readonly requestId?: string | undefined
}

/** A question and what became of it. The turns of a conversation are a tree: an edited question is another child of the turn before it. */
export interface Turn {
  readonly id: string
  readonly chat: string
  /** The turn before it; absent in the first one. */
  readonly parent?: string | undefined
  /** When it was asked, as `Date.now()` counts. */
  readonly asked: number
  readonly prompt: string
  /** The model that was asked for it in particular. */
  readonly model?: string | undefined
  /** What is there of the answer. */
  answer: string
  /** `open`: it is being answered, or was when the page was left. */
  state: 'open' | 'done' | 'stopped' | 'error'
  /** How much of the answer there was before it was continued, in UTF-16 code units. */
  before?: number | undefined
  reasoning?: string | undefined
  /** How long the model thought before its first word, in milliseconds. */
  thought?: number | undefined
  tools?: ToolPart[] | undefined
  finishReason?: FinishReason | undefined
  usage?: Usage | undefined
  /** What answered, by the service's own name. */
  answeredBy?: string | undefined
  /** How many of the turns before it were not sent along, because they did not fit any more. */
  left?: number | undefined
  /** Where an open answer can be read on, and from which position. */
  streamId?: string | undefined
  position?: string | undefined
  failure?: Failure | undefined
}

/** What is stored may be of another version of this page, or of somebody's hand. */
export function isTurn (value: unknown): value is Turn {
  return typeof value === 'object' && value !== null &&
    'id' in value && typeof value.id === 'string' && 'chat' in value && typeof value.chat === 'string' &&
    'asked' in value && typeof value.asked === 'number' &&
    'prompt' in value && typeof value.prompt === 'string' &&
    'answer' in value && typeof value.answer === 'string' &&
    'state' in value && ['open', 'done', 'stopped', 'error'].includes(String(value.state))
}

/** The tools of an answer with what is told of one: its input may have been told before its outcome. */
export function withTool (tools: readonly ToolPart[], part: ToolPart): ToolPart[] {
  return tools.some(({ id }) => id === part.id) ? tools.map(tool => tool.id === part.id ? { ...tool, ...part } : tool) : [...tools, part]
}

/** The turns that share a place in a conversation: a question and its other versions, the oldest first. */
export function versions (turns: readonly Turn[], parent: string | undefined): Turn[] {
  return turns.filter(turn => turn.parent === parent).toSorted((one, other) => one.asked - other.asked)
}

/** The turns from the first one on, by the version that was chosen of each, or the newest. */
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

/** What the gateway takes as one request unless it was set otherwise, in bytes (docs/api.md); the turns of a conversation are bounded by that alone. */
export const MAX_BODY = 1_048_576

/** True for an answer that can be built on: a whole one, or one that only its length ended. */
function counts ({ state, failure }: Turn): boolean {
  return state === 'done' || failure?.errorType === 'length'
}

/**
 * The conversation so far as the gateway takes it: answers that are whole, or that reached the model's limit, and their
 * questions, oldest first. What `room`, in bytes of JSON, has no place for is left out, the oldest first; `left` is how many turns that are.
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
