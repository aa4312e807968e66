import { createHash } from 'node:crypto'
import type { Conversation, Message } from './engine.ts'

/** An idle session that is kept for the next turn of its conversation. */
export interface KeptSession<Session> {
  readonly session: Session
  /** The digest of the conversation so far, by {@link historyOf}. */
  readonly history: string
  /** The mode, model, effort and instructions that the session was created with; others need another session. */
  readonly setup: string
  /** Aborts when the session's runtime has died, and the session with it. */
  readonly lost: AbortSignal
  /** Ends the session and removes what it wrote to disk. */
  readonly end: () => void
}

/** The most sessions that are kept. */
const MAX_KEPT = 200

/** The sessions of conversations. Each is kept between turns for a while, and serves one turn at a time. */
export class KeptSessions<Session> {
  readonly #ttl: number
  readonly #kept = new Map<string, KeptSession<Session> & { readonly timer: NodeJS.Timeout }>()
  readonly #turns = new Map<string, Promise<void>>()

  /** Keeps a session for `ttl` milliseconds after its last turn; 0 keeps none. */
  constructor (ttl: number) {
    this.#ttl = ttl
  }

  /** How many sessions are kept. */
  get size (): number { return this.#kept.size }

  /** True while a turn of the conversation is in progress. */
  isBusy (id: string): boolean {
    return this.#turns.has(id)
  }

  /** Runs a turn after all earlier turns of the conversation are over, successful or not. */
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

  /** Takes the kept session out if the conversation continues it. A session with another history or setup is ended instead. */
  take (id: string, conversation: Conversation, setup: string): KeptSession<Session> | undefined {
    const kept = this.#kept.get(id)
    if (!kept) return undefined
    this.#forget(id)
    if (!kept.lost.aborted && kept.setup === setup && goesOn(conversation, kept.history)) return kept
    kept.end()
  }

  /** Keeps a session for the next turn of the conversation. When there are too many, the oldest session is ended. */
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

/** A digest of turns in their order. White space around a turn and empty turns make no difference. */
export function historyOf (turns: readonly Message[], before = ''): string {
  return turns.reduce((history, { role, content }) => {
    const text = content.trim()
    return text === '' ? history : createHash('sha256').update(JSON.stringify([history, role, text])).digest('base64url')
  }, before)
}

/** The turns before the question. Some clients send a history that already ends with the question; it is removed. */
export function earlierTurns ({ messages, prompt }: Conversation): readonly Message[] {
  const last = messages.at(-1)
  return last?.role === 'user' && last.content.trim() === prompt.trim() ? messages.slice(0, -1) : messages
}

/** True when the session has the turns of the conversation. A caller that sends no earlier turns relies on the session for them. */
function goesOn (conversation: Conversation, history: string): boolean {
  const turns = historyOf(earlierTurns(conversation))
  return turns === history || turns === ''
}

function ignore (): void {}
