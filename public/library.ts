import { isTurn, type Turn } from './turns.ts'

/** A conversation without its turns. */
export interface Chat {
  readonly id: string
  readonly title: string
  /** When something was last asked in it, as `Date.now()` counts. */
  readonly updated: number
  /** When it was deleted; it can be had back for a while. */
  readonly deleted?: number | undefined
  /** The version that is shown behind a turn (`''`: at the beginning), by its id, where it is not the newest. */
  readonly chosen?: Readonly<Record<string, string>> | undefined
}

const CHAT = 'copilot-stream-gateway:chat:'
const TURN = 'copilot-stream-gateway:turn:'
/** What earlier versions of this page kept: the turns of the only conversation. */
const FORMER = 'copilot-stream-gateway:conversation'
/** How long a deleted conversation can be had back, in milliseconds. */
export const UNDO = 10_000

/**
 * The conversations of this browser. Each turn is stored by itself and written only by the tab that is answering it, so
 * that no tab can lose another's. Where the browser keeps nothing they last as long as the page.
 */
export class Library {
  readonly #keeper: Storage | undefined
  readonly #chats = new Map<string, Chat>()
  readonly #turns = new Map<string, Map<string, Turn>>()
  #closed = false

  /** Calls `onChange` with a conversation that another tab has changed, and with the turn where it was one. */
  constructor (keeper: Storage | undefined, onChange: (chat: string, turn?: string) => void) {
    this.#keeper = keeper
    this.#read()
    addEventListener('storage', ({ key, newValue }) => {
      // Null: all was cleared.
      if (key === null) location.reload()
      else if (key.startsWith(CHAT) || key.startsWith(TURN)) onChange(...this.#take(key, newValue))
    })
  }

  /** Keeps nothing that is changed from now on: what fails then fails because the page is left. */
  close (): void {
    this.#closed = true
  }

  open (): void {
    this.#closed = false
  }

  /** The conversations that were not deleted, the latest first. */
  get chats (): Chat[] {
    return [...this.#chats.values()].filter(({ deleted }) => deleted === undefined).toSorted((one, other) => other.updated - one.updated)
  }

  /** A conversation, unless it is unknown or deleted. */
  chat (id: string): Chat | undefined {
    const chat = this.#chats.get(id)
    return chat?.deleted === undefined ? chat : undefined
  }

  turns (chat: string): Turn[] {
    return [...this.#turns.get(chat)?.values() ?? []]
  }

  saveChat (chat: Chat): void {
    this.#chats.set(chat.id, chat)
    this.#write(CHAT + chat.id, chat)
  }

  /** Changes what is given of a conversation, and nothing of one that is gone. */
  change (id: string, changes: Partial<Chat>): void {
    const chat = this.#chats.get(id)
    if (chat) this.saveChat({ ...chat, ...changes })
  }

  saveTurn (turn: Turn): void {
    if (!this.chat(turn.chat)) return
    this.#put(turn)
    this.#write(`${TURN}${turn.chat}:${turn.id}`, turn)
  }

  /** Takes what is stored of a turn now, which another tab may have written a moment ago. */
  reload ({ chat, id }: Turn): void {
    const name = `${TURN}${chat}:${id}`
    const json = this.#keeper?.getItem(name)
    if (json) this.#take(name, json)
  }

  /** Forgets a conversation for good. */
  forget (id: string): void {
    for (const turn of this.turns(id)) this.#keeper?.removeItem(`${TURN}${id}:${turn.id}`)
    this.#keeper?.removeItem(CHAT + id)
    this.#turns.delete(id)
    this.#chats.delete(id)
  }

  #put (turn: Turn): Turn {
    const turns = this.#turns.get(turn.chat) ?? new Map<string, Turn>()
    this.#turns.set(turn.chat, turns)
    const known = turns.get(turn.id)
    // Whoever shows it goes on to show the same object.
    if (known && known !== turn) for (const name of Object.keys(known)) if (!(name in turn)) Reflect.deleteProperty(known, name)
    turns.set(turn.id, known ? Object.assign(known, turn) : turn)
    return known ?? turn
  }

  #read (): void {
    try {
      const former: unknown = JSON.parse(this.#keeper?.getItem(FORMER) ?? 'null')
      const names = Array.from({ length: this.#keeper?.length ?? 0 }, (_, index) => this.#keeper?.key(index) ?? '')
      for (const name of names) if (name.startsWith(CHAT) || name.startsWith(TURN)) this.#take(name, this.#keeper?.getItem(name) ?? null)
      if (Array.isArray(former)) this.#adopt(former)
      this.#keeper?.removeItem(FORMER)
    } catch {
      // What cannot be read is not there.
    }
    for (const { id, deleted } of this.#chats.values()) if (deleted !== undefined && deleted < Date.now() - UNDO) this.forget(id)
    for (const id of this.#turns.keys()) if (!this.#chats.has(id)) this.forget(id)
  }

  #adopt (former: unknown[]): void {
    const id = String(Date.now())
    const turns = former.map((value, index) => ({ ...Object(value), id: `${id}-${index}`, chat: id, asked: index, ...index > 0 && { parent: `${id}-${index - 1}` } })).filter(isTurn)
    const [first] = turns
    if (!first || turns.length < former.length) return
    this.saveChat({ id, title: titleOf(first.prompt), updated: Date.now() })
    for (const turn of turns) this.saveTurn(turn)
  }

  /** Takes what is stored, or is no more, under a name; returns the conversation that it is of, and the turn. */
  #take (name: string, json: string | null): [chat: string, turn?: string] {
    const [chat = '', id = ''] = name.slice(name.startsWith(CHAT) ? CHAT.length : TURN.length).split(':')
    let value: unknown
    try {
      value = JSON.parse(json ?? 'null')
    } catch {
      value = null
    }
    if (name.startsWith(TURN)) {
      if (isTurn(value) && value.id === id && value.chat === chat) this.#put(value)
      else this.#turns.get(chat)?.delete(id)
    } else if (isChat(value) && value.id === chat) {
      this.#chats.set(chat, value)
    } else {
      this.#chats.delete(chat)
      this.#turns.delete(chat)
    }
    return name.startsWith(TURN) ? [chat, id] : [chat]
  }

  #write (name: string, value: Chat | Turn): void {
    if (this.#closed) return
    const kept = 'chat' in value ? value.chat : value.id
    for (;;) {
      try {
        this.#keeper?.setItem(name, JSON.stringify(value))
        return
      } catch {
        // There is no room: the oldest conversation makes some. Without another one, this one lasts as long as the page.
        const oldest = this.chats.findLast(({ id }) => id !== kept)
        if (!oldest) return
        this.forget(oldest.id)
      }
    }
  }
}

function isChat (value: unknown): value is Chat {
  return typeof value === 'object' && value !== null && 'id' in value && typeof value.id === 'string' &&
    'title' in value && typeof value.title === 'string' && 'updated' in value && typeof value.updated === 'number' &&
    (!('chosen' in value) || (typeof value.chosen === 'object' && value.chosen !== null))
}

/** What a conversation is called until somebody names it: the beginning of its first question. */
export function titleOf (prompt: string): string {
  const line = prompt.trim().split('\n')[0] ?? ''
  return line.length > 60 ? `${line.slice(0, 60).trimEnd()}…` : line
}
