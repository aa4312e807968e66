import type { ChatMessage } from '../client/index.ts'

/** What is kept of a failure. */
export interface Failure {
  readonly errorType: string
  readonly message: string
  readonly requestId?: string | undefined
}

/** A question and what became of it. */
export interface Turn {
  readonly prompt: string
  /** What is there of the answer. */
  answer: string
  /** `open`: it is being answered, or was when the page was left. */
  state: 'open' | 'done' | 'stopped' | 'error'
  /** Where an open answer can be read on. */
  streamId?: string | undefined
  failure?: Failure | undefined
}

/** The part of the browser's `Storage` that is used. */
export interface Keeper {
  getItem (name: string): string | null
  setItem (name: string, value: string): void
  removeItem (name: string): void
}

const NAME = 'copilot-stream-gateway:conversation'
/** How many turns, and characters in all of them, are kept. Browsers allow about five million characters. */
const MAX_TURNS = 200
const MAX_CHARACTERS = 1_500_000

/** Keeps the conversation of this page. Where the browser keeps nothing (a private window, a full disk) it lasts as long as the page. */
export class History {
  turns: Turn[]
  readonly #keeper: Keeper | undefined
  #closed = false

  constructor (keeper: Keeper | undefined) {
    this.#keeper = keeper
    this.turns = read(keeper)
  }

  /** Keeps what is there, and nothing that is changed from now on. */
  close (): void {
    this.save()
    this.#closed = true
  }

  open (): void {
    this.#closed = false
  }

  save (): void {
    if (this.#closed) return
    this.turns = newest(this.turns)
    try {
      if (this.turns.length > 0) this.#keeper?.setItem(NAME, JSON.stringify(this.turns))
      else this.#keeper?.removeItem(NAME)
    } catch {
      // The conversation goes on; a reload will not find it.
    }
  }
}

function read (keeper: Keeper | undefined): Turn[] {
  try {
    const turns: unknown = JSON.parse(keeper?.getItem(NAME) ?? '[]')
    return Array.isArray(turns) ? turns.filter(isTurn) : []
  } catch {
    return []
  }
}

/** What is stored may be of another version of this page, or of somebody's hand. */
function isTurn (value: unknown): value is Turn {
  return typeof value === 'object' && value !== null &&
    'prompt' in value && typeof value.prompt === 'string' &&
    'answer' in value && typeof value.answer === 'string' &&
    'state' in value && ['open', 'done', 'stopped', 'error'].includes(String(value.state))
}

function newest (turns: Turn[]): Turn[] {
  let room = MAX_CHARACTERS
  const first = turns.slice(-MAX_TURNS).findLastIndex(({ prompt, answer }) => (room -= prompt.length + answer.length) < 0)
  return turns.slice(-MAX_TURNS).slice(first + 1)
}

/** The gateway's limits (docs/api.md): messages in all, and characters in one of them, … */
const MAX_MESSAGES = 200
const MAX_CONTENT = 20_000
/** … and a share of the 1 MiB that a whole request may have. */
const MAX_BYTES = 600_000

/**
 * The conversation so far as the gateway takes it: whole answers and their questions, oldest first. What is too long is cut,
 * and when there is too much, the oldest is left out.
 */
export function messagesOf (turns: readonly Turn[]): ChatMessage[] {
  const messages: ChatMessage[] = []
  let room = MAX_BYTES
  for (const { prompt, answer, state } of turns.toReversed()) {
    if (state !== 'done') continue
    const pair: ChatMessage[] = [{ role: 'user', content: cut(prompt) }, { role: 'assistant', content: cut(answer) }]
    room -= new TextEncoder().encode(JSON.stringify(pair)).length
    if (room < 0 || messages.length + 2 > MAX_MESSAGES) break
    messages.unshift(...pair)
  }
  return messages
}

function cut (text: string): string {
  // The gateway counts code points.
  return text.length <= MAX_CONTENT ? text : Array.from(text).slice(0, MAX_CONTENT).join('')
}
