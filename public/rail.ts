import { announce } from './announcer.ts'
import { button, byId, make } from './dom.ts'
import { type Chat, type Library, UNDO } from './library.ts'

/** The parts of the page that {@link Rail} uses. */
export interface RailParts {
  readonly library: Library
  readonly current: () => string
  readonly onRename: () => void
  /** Called when a conversation was deleted. */
  readonly onDelete: (chat: string) => void
}

/** The list of conversations: a rail on wide screens, a drawer on narrow ones. */
export class Rail {
  readonly #parts: RailParts
  readonly #root = byId('rail', HTMLElement)
  readonly #list = byId('chats', HTMLElement)
  readonly #toggle = byId('rail-toggle', HTMLButtonElement)
  readonly #search = byId('search', HTMLInputElement)
  readonly #undo = byId('undo', HTMLElement)
  #renaming: string | undefined

  constructor (parts: RailParts) {
    this.#parts = parts
    this.#toggle.addEventListener('click', () => this.#open(!this.#root.classList.contains('open')))
    byId('rail-close', HTMLButtonElement).addEventListener('click', () => this.#open(false))
    document.addEventListener('click', event => {
      const path = event.composedPath()
      if (this.#root.classList.contains('open') && !path.includes(this.#root) && !path.includes(this.#toggle)) this.#open(false, false)
    })
    this.#search.addEventListener('input', () => this.draw())
    this.#root.addEventListener('keydown', event => {
      if (event.key !== 'Escape') return
      // Outside of the drawer, Escape stops the answer.
      event.stopPropagation()
      if (this.#renaming !== undefined) this.#endRenaming()
      else if (this.#root.classList.contains('open')) this.#open(false)
    })
    this.#list.addEventListener('click', event => { if (event.target instanceof HTMLAnchorElement) this.#open(false, false) })
    this.draw()
  }

  draw (): void {
    if (this.#renaming !== undefined) return
    const { library, current } = this.#parts
    const wanted = this.#search.value.trim().toLowerCase()
    const found = library.chats.filter(({ id, title }) => !wanted || title.toLowerCase().includes(wanted) ||
      library.turns(id).some(({ prompt, answer }) => prompt.toLowerCase().includes(wanted) || answer.toLowerCase().includes(wanted)))
    const days = new Map<string, Chat[]>()
    for (const chat of found) days.set(dayOf(chat.updated), [...days.get(dayOf(chat.updated)) ?? [], chat])
    this.#list.replaceChildren(...[...days].flatMap(([day, chats]) => [
      make('p', 'day', day), make('ul', '', ...chats.map(chat => this.#item(chat, chat.id === current())))
    ]), ...found.length === 0 ? [make('p', 'none', wanted ? 'Nothing found' : 'What you ask is kept here, in this browser alone.')] : [])
  }

  #item (chat: Chat, current: boolean): HTMLElement {
    const link = make('a', '', chat.title || 'Untitled')
    link.href = `#/c/${chat.id}`
    link.dir = 'auto'
    if (current) link.setAttribute('aria-current', 'page')
    const rename = button('✎', () => this.#rename(chat, item), 'quiet')
    rename.setAttribute('aria-label', 'Rename')
    const remove = button('×', () => this.#delete(chat), 'quiet')
    remove.setAttribute('aria-label', 'Delete')
    for (const pressed of [rename, remove]) pressed.title = `${pressed.getAttribute('aria-label')}: ${chat.title}`
    const item = make('li', 'chat', link, rename, remove)
    return item
  }

  #rename (chat: Chat, item: HTMLElement): void {
    this.#renaming = chat.id
    const input = make('input', 'rename')
    input.value = chat.title
    input.maxLength = 200
    input.setAttribute('aria-label', 'Title')
    const accept = (): void => {
      if (this.#renaming !== chat.id) return
      const title = input.value.trim()
      if (title) this.#parts.library.change(chat.id, { title })
      this.#endRenaming()
    }
    input.addEventListener('keydown', event => { if (event.key === 'Enter' && !event.isComposing) accept() })
    input.addEventListener('blur', accept)
    item.replaceChildren(input)
    input.select()
  }

  #endRenaming (): void {
    const id = this.#renaming
    this.#renaming = undefined
    const within = this.#list.contains(document.activeElement)
    this.draw()
    this.#parts.onRename()
    if (within) this.#list.querySelector<HTMLElement>(`a[href="#/c/${id}"]`)?.focus()
  }

  #delete (chat: Chat): void {
    const { library, onDelete } = this.#parts
    library.change(chat.id, { deleted: Date.now() })
    onDelete(chat.id)
    this.draw()
    const forget = setTimeout(() => {
      library.forget(chat.id)
      note.remove()
    }, UNDO)
    const back = button('Undo', () => {
      clearTimeout(forget)
      note.remove()
      library.change(chat.id, { deleted: undefined })
      this.draw()
      location.hash = `#/c/${chat.id}`
      announce('The conversation is back')
    }, 'primary')
    const note = make('p', 'undo-note', make('span', '', `Deleted: ${chat.title}`), back)
    this.#undo.append(note)
    back.focus()
    announce('Deleted. Undo brings it back.')
  }

  #open (open: boolean, focus = true): void {
    this.#root.classList.toggle('open', open)
    this.#toggle.setAttribute('aria-expanded', String(open))
    if (!focus) return
    if (open) byId('rail-close', HTMLButtonElement).focus()
    else this.#toggle.focus()
  }
}

const DAY = 86_400_000

function dayOf (time: number): string {
  const today = new Date().setHours(0, 0, 0, 0)
  if (time >= today) return 'Today'
  if (time >= today - DAY) return 'Yesterday'
  if (time >= today - 6 * DAY) return new Date(time).toLocaleDateString('en', { weekday: 'long' })
  return new Date(time).toLocaleDateString('en', { year: 'numeric', month: 'long', day: 'numeric' })
}
