import { createHash } from 'node:crypto'
import type { Conversation, Message } from './engine.ts'

/** A session that waits for the next turn of its conversation. */
export interface KeptSession<Session> {
  readonly session: Session
  /** What the conversation has been so far, by {@link historyOf}. */
  readonly history: string
  /** With what the session was made; another mode, model or effort needs another session. */
  readonly setup: string
  /** Aborts when the session's runtime has died, and the session with it. */
  readonly lost: AbortSignal
  /** Ends the session and removes what it wrote to disk. */
  readonly end: () => void
}

/** The most sessions that are kept. */
const MAX_KEPT = 200

/** The sessions of conversations: kept between turns for a while, and one turn at a time each. */
export class KeptSessions<Session> {
  readonly #ttl: number
  readonly #kept = new Map<string, KeptSession<Session> & { readonly timer: NodeJS.Timeout }>()
  readonly #turns = new Map<string, Promise<void>>()

  /** Keeps a session for `ttl` milliseconds after its last turn; 0 keeps none. */
  constructor (ttl: number) {
    this.#ttl = ttl
  }

  /** How many are kept. */
  get size (): number { return this.#kept.size }

  /** True while a turn of the conversation is answered. */
  isBusy (id: string): boolean {
    return this.#turns.has(id)
  }

  /** Runs one turn when those before it are over, however they ended. */
  async inOrder (id: string, turn: () => Promise<void>): Promise<void> {
    const before = this.#turns.get(id)
    const running = (async () => {
      await before
      await turn()
    })()
    const over = running.catch(ignore)
    this.#turns.set(id, over)
    void over.then(() => { if (this.#turns.get(id) === over) this.#turns.delete(id) })
    await running
  }

  /** Gives the kept session that the conversation goes on in. One that it does not go on in is ended. */
  take (id: string, conversation: Conversation, setup: string): KeptSession<Session> | undefined {
    const kept = this.#kept.get(id)
    if (!kept) return undefined
    this.#forget(id)
    if (!kept.lost.aborted && kept.setup === setup && goesOn(conversation, kept.history)) return kept
    kept.end()
  }

  /** Keeps a session for the conversation's next turn, and the latest ones when there are too many. */
  keep (id: string, kept: KeptSession<Session>): void {
    if (this.#ttl === 0) {
      kept.end()
      return
    }
    this.#kept.set(id, { ...kept, timer: setTimeout(() => this.#end(id), this.#ttl).unref() })
    const [oldest] = this.#kept.keys()
    if (this.#kept.size > MAX_KEPT && oldest !== undefined) this.#end(oldest)
  }

  /** Forgets all sessions; the runtime ends them when it ends. */
  close (): void {
    for (const id of this.#kept.keys()) this.#forget(id)
  }

  #end (id: string): void {
    const kept = this.#kept.get(id)
    this.#forget(id)
    kept?.end()
  }

  #forget (id: string): void {
    clearTimeout(this.#kept.get(id)?.timer)
    this.#kept.delete(id)
  }
}

/** A digest of turns, of which each is taken into account in its place; white space around it and turns without words are not. */
export function historyOf (turns: readonly Message[], before = ''): string {
  return turns.reduce((history, { role, content }) => {
    const text = content.trim()
    return text === '' ? history : createHash('sha256').update(JSON.stringify([history, role, text])).digest('base64url')
  }, before)
}

/** The turns before the question. Clients may keep their history with the question already in it. */
export function earlierTurns ({ messages, prompt }: Conversation): readonly Message[] {
  const last = messages.at(-1)
  return last?.role === 'user' && last.content.trim() === prompt.trim() ? messages.slice(0, -1) : messages
}

/** Who sends no turns at all leaves them to us. */
function goesOn (conversation: Conversation, history: string): boolean {
  const turns = historyOf(earlierTurns(conversation))
  return turns === history || turns === ''
}

function ignore (): void {}
