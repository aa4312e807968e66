import { isTurn, type Turn } from './turns.ts'

/** A conversation without its turns. */
export interface Chat {
  readonly id: string
  readonly title: string
  /** When something was last asked in it, as `Date.now()` counts. */
  readonly updated: number
  /** When it was deleted, as `Date.now()` counts; for {@link UNDO} it can be restored. */
  readonly deleted?: number | undefined
  /** The id of the version that is shown after a turn, by the id of that turn (`''`: the first turn). Without an entry the newest version is shown. */
  readonly chosen?: Readonly<Record<string, string>> | undefined
}

const CHAT = 'copilot-stream-gateway:chat:'
const TURN = 'copilot-stream-gateway:turn:'
/** The storage key of earlier versions of this page, which had a single conversation. */
const FORMER = 'copilot-stream-gateway:conversation'
/** How long a deleted conversation can be restored, in milliseconds. */
export const UNDO = 10_000

/**
 * The conversations of this browser. Each turn is stored separately and written only by the tab that reads its answer, so that
 * tabs do not overwrite each other's turns. Without storage the conversations last until the page is closed.
 */
export class Library {
  readonly #keeper: Storage | undefined
  readonly #chats = new Map<string, Chat>()
  readonly #turns = new Map<string, Map<string, Turn>>()
  #closed = false

  /** Calls `onChange` when another tab has changed a conversation, with the turn if a turn was changed. */
  constructor (keeper: Storage | undefined, onChange: (chat: string, turn?: string) => void) {
    this.#keeper = keeper
    this.#read()
    addEventListener('storage', ({ key, newValue }) => {
      // The key is null when all storage was cleared.
      if (key === null) location.reload()
      else if (key.startsWith(CHAT) || key.startsWith(TURN)) onChange(...this.#take(key, newValue))
    })
  }

  /** Stores no further changes: errors from now on come from leaving the page. */
  close (): void {
    this.#closed = true
  }

  open (): void {
    this.#closed = false
  }

  /** The conversations without the deleted ones, latest first. */
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

  /** Changes the given fields of a conversation; no effect when the conversation is gone. */
  change (id: string, changes: Partial<Chat>): void {
    const chat = this.#chats.get(id)
    if (chat) this.saveChat({ ...chat, ...changes })
  }

  saveTurn (turn: Turn): void {
    if (!this.chat(turn.chat)) return
    this.#put(turn)
    this.#write(`${TURN}${turn.chat}:${turn.id}`, turn)
  }

  /** Reads a turn from storage again, because another tab may have written it just now. */
  reload ({ chat, id }: Turn): void {
    const name = `${TURN}${chat}:${id}`
    const json = this.#keeper?.getItem(name)
    if (json) this.#take(name, json)
  }

  /** Deletes a conversation for good. */
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
    // The object is updated in place, because views hold a reference to it.
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
      // A stored item that cannot be read is ignored.
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

  /** Applies the stored item of a name (null: it was removed); returns the conversation and the turn that it belongs to. */
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
        // The storage is full: the oldest other conversation is deleted. If there is none, this one lasts until the page is closed.
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

/** The default title of a conversation: the beginning of its first question. */
export function titleOf (prompt: string): string {
  const line = prompt.trim().split('\n')[0] ?? ''
  return line.length > 60 ? `${line.slice(0, 60).trimEnd()}…` : line
}
