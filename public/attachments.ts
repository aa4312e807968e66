import { announce } from './announcer.ts'
import { type Attachment, firstOf, lengthOf, LONG_PASTE } from './draft.ts'
import { button, byId, make } from './dom.ts'

/** The largest file that is read, in bytes; only a fraction of a larger one could be sent. */
const MAX_FILE = 5_000_000
/** How much of an attachment its card shows, in characters. */
const SHOWN = 2_000

/** Long texts that were pasted into the box for questions, and files that were dropped on the page: a card each. */
export class Attachments {
  readonly #cards = byId('attachments', HTMLElement)
  readonly #onChange: () => void
  #held: readonly Attachment[] = []

  /** Calls `onChange` when an attachment was added or removed, and `onRefused` with a sentence on why a file was refused. */
  constructor (onChange: () => void, onRefused: (why: string) => void) {
    this.#onChange = onChange
    byId('prompt', HTMLTextAreaElement).addEventListener('paste', event => {
      const text = event.clipboardData?.getData('text/plain') ?? ''
      if (text.length < LONG_PASTE) return
      event.preventDefault()
      this.#add({ name: 'Pasted text', text })
    })
    // A file dropped anywhere on the page is attached: by default the browser would leave the page and open the file.
    for (const kind of ['dragover', 'drop'] as const) {
      document.addEventListener(kind, event => {
        if (!event.dataTransfer?.types.includes('Files')) return
        event.preventDefault()
        for (const file of event.dataTransfer.files) this.#read(file).catch(() => onRefused(`${file.name} is not a text file that can be sent along.`))
      })
    }
  }

  get all (): readonly Attachment[] {
    return this.#held
  }

  set all (held: readonly Attachment[]) {
    this.#held = held
    this.#cards.replaceChildren(...held.map(attachment => this.#card(attachment)))
  }

  #add (attachment: Attachment): void {
    this.all = [...this.#held, attachment]
    this.#onChange()
    announce(`${attachment.name} will be sent along`)
  }

  async #read (file: File): Promise<void> {
    if (file.size > MAX_FILE) throw new RangeError('too large')
    const text = new TextDecoder('utf-8', { fatal: true }).decode(await file.arrayBuffer())
    if (text.includes('\0')) throw new TypeError('binary')
    this.#add({ name: file.name.slice(0, 100), text })
  }

  #card (attachment: Attachment): HTMLElement {
    const { name, text } = attachment
    const remove = button('×', () => {
      this.all = this.#held.filter(other => other !== attachment)
      this.#onChange()
      byId('prompt', HTMLTextAreaElement).focus()
    })
    remove.setAttribute('aria-label', `Remove ${name}`)
    return make('li', 'card', make('details', '', make('summary', '', `${name} · ${lengthOf(text).toLocaleString('en')} characters`), make('pre', '', firstOf(text, SHOWN))), remove)
  }
}
