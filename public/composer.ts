import { announce } from './announcer.ts'
import { type Attachment, firstOf, fold, lengthOf, LONG_PASTE, MAX_PROMPT } from './draft.ts'
import { button, byId, make } from './dom.ts'
import { browserStorage, tabStorage } from './storage.ts'

/** What a question can be asked with. */
export interface Choice {
  readonly mode: 'explain-only' | 'project-helper'
  readonly model: string | undefined
}

/** What the composer has done when the person asks, or has had enough. */
export interface ComposerListeners {
  readonly onAsk: (prompt: string) => void
  readonly onStop: () => void
  /** An earlier question is not to be changed after all. */
  readonly onEditEnd: () => void
  /** Up was pressed in an empty box. */
  readonly onEditLast: () => void
}

const DRAFT = 'copilot-stream-gateway:draft'
const CHOICE = 'copilot-stream-gateway:choice'
/** From how many characters on their number is shown. */
const NEAR = MAX_PROMPT * 0.8

/** The box for questions, with its selectors and buttons. What is in it survives a reload. */
export class Composer {
  readonly #form = byId('composer', HTMLFormElement)
  readonly #prompt = byId('prompt', HTMLTextAreaElement)
  readonly #mode = byId('mode', HTMLSelectElement)
  readonly #model = byId('model', HTMLSelectElement)
  readonly #send = byId('send', HTMLButtonElement)
  readonly #stop = byId('stop', HTMLButtonElement)
  readonly #notes = byId('notes', HTMLElement)
  readonly #counter = byId('counter', HTMLElement)
  readonly #cards = byId('attachments', HTMLElement)
  readonly #listeners: ComposerListeners
  #attachments: Attachment[] = []
  /** The question that is asked when the answer that is being written has ended. */
  #queued: string | undefined
  #editing = false
  #busy = false
  /** The model that was chosen, which may not be known yet. */
  #wanted = ''

  constructor (listeners: ComposerListeners) {
    this.#listeners = listeners
    this.#form.addEventListener('submit', event => {
      event.preventDefault()
      this.#ask()
    })
    this.#prompt.addEventListener('keydown', event => {
      // While an input method composes a word, Enter chooses it; Safari says so by the code 229 alone.
      if (event.isComposing || event.keyCode === 229) return
      if (event.key === 'Enter' && !event.shiftKey) {
        event.preventDefault()
        this.#ask()
      } else if (event.key === 'ArrowUp' && this.#prompt.value === '') {
        event.preventDefault()
        listeners.onEditLast()
      }
    })
    this.#prompt.addEventListener('input', () => this.#changed())
    this.#prompt.addEventListener('paste', event => {
      const text = event.clipboardData?.getData('text/plain') ?? ''
      if (text.length < LONG_PASTE) return
      event.preventDefault()
      this.#attach({ name: 'Pasted text', text })
    })
    this.#form.addEventListener('dragover', event => event.preventDefault())
    this.#form.addEventListener('drop', event => {
      event.preventDefault()
      for (const file of event.dataTransfer?.files ?? []) void this.#read(file)
    })
    this.#stop.addEventListener('click', () => this.#stopped())
    document.addEventListener('keydown', event => {
      if (event.key !== 'Escape' || event.isComposing || document.querySelector('dialog[open]')) return
      if (this.#editing) this.#endEdit()
      else if (this.#busy) this.#stopped()
    })
    for (const select of [this.#mode, this.#model]) select.addEventListener('change', () => this.#choose())
    this.#restore()
  }

  get choice (): Choice {
    return {
      mode: this.#mode.value === 'project-helper' ? 'project-helper' : 'explain-only',
      model: (this.#model.options.length > 1 ? this.#model.value : this.#wanted) || undefined
    }
  }

  /** Offers the models of the service besides “whichever it takes”. */
  offer (models: ReadonlyArray<{ readonly id: string, readonly name?: string }>): void {
    this.#model.replaceChildren(new Option('Default model', ''), ...models.map(({ id, name }) => new Option(name ?? id, id)))
    this.#model.value = models.some(({ id }) => id === this.#wanted) ? this.#wanted : ''
  }

  /** While an answer is written there is Stop; the next question can be written meanwhile, and waits. */
  setBusy (busy: boolean): void {
    // A button that is hidden loses the focus to nowhere.
    if (busy !== this.#busy && (document.activeElement === this.#stop || document.activeElement === this.#send)) this.focus()
    this.#busy = busy
    this.#changed()
  }

  /** The answer has ended: asks the question that waited for it, or gives it back when there is nothing to go on from. */
  next (whole: boolean): void {
    const queued = this.#queued
    if (queued === undefined) return
    this.#queued = undefined
    if (whole) this.#listeners.onAsk(queued)
    else this.#prompt.value = [queued, this.#prompt.value].filter(Boolean).join('\n\n')
    this.#changed()
  }

  /** Puts an earlier question into the box to be changed. */
  edit (prompt: string): void {
    this.#editing = true
    this.#prompt.value = prompt
    this.#changed()
    this.focus()
    announce('Editing the question. Escape leaves it as it was.')
  }

  focus (): void {
    this.#prompt.focus()
  }

  #endEdit (): void {
    this.#editing = false
    this.#prompt.value = ''
    this.#listeners.onEditEnd()
    this.#changed()
    this.focus()
  }

  #stopped (): void {
    this.#listeners.onStop()
    this.next(false)
  }

  #ask (): void {
    const prompt = fold(this.#prompt.value, this.#attachments)
    if (!prompt) return
    if (lengthOf(prompt) > MAX_PROMPT) {
      announce(this.#counter.textContent)
      return
    }
    this.#take(prompt)
  }

  #take (prompt: string): void {
    if (this.#busy && this.#queued !== undefined) {
      announce('One question is waiting already. Remove it, or wait for the answer.')
      return
    }
    this.#prompt.value = ''
    this.#attachments = []
    this.#editing = false
    if (this.#busy) {
      this.#queued = prompt
      announce('It will be asked when the answer has ended.')
    } else {
      this.#listeners.onAsk(prompt)
    }
    this.#changed()
  }

  #attach (attachment: Attachment): void {
    this.#attachments.push(attachment)
    this.#changed()
    announce(`${attachment.name} will be sent along`)
  }

  async #read (file: File): Promise<void> {
    try {
      // What is no text, or far more than fits, is not taken.
      if (file.size > 5_000_000) throw new RangeError('too large')
      const text = new TextDecoder('utf-8', { fatal: true }).decode(await file.arrayBuffer())
      if (text.includes('\0')) throw new TypeError('binary')
      this.#attach({ name: file.name.slice(0, 100), text })
    } catch {
      this.#counter.textContent = `${file.name} is not a text file that can be sent along.`
      announce(this.#counter.textContent)
    }
  }

  /** Shows what belongs to the question as it is now, and keeps it. */
  #changed (): void {
    const prompt = fold(this.#prompt.value, this.#attachments)
    const length = lengthOf(prompt)
    const over = length - MAX_PROMPT
    const count = `${number(length)} of ${number(MAX_PROMPT)} characters`
    if (over > 0) this.#counter.replaceChildren(`${count}: ${number(over)} do not fit. Shorten it, or `, button('Send what fits', () => this.#take(firstOf(prompt, MAX_PROMPT)), 'inline'))
    else this.#counter.textContent = length >= NEAR ? count : ''
    this.#counter.classList.toggle('over', over > 0)
    this.#cards.replaceChildren(...this.#attachments.map(attachment => this.#card(attachment)))
    this.#notes.replaceChildren(
      ...this.#editing ? [make('p', 'note-line', 'Editing an earlier question ', button('Cancel', () => this.#endEdit(), 'inline'))] : [],
      ...this.#queued === undefined
        ? []
        : [make('p', 'note-line queued', make('span', '', `Next: ${this.#queued}`), button('Remove', () => {
            this.next(false)
            this.focus()
          }, 'inline'))]
    )
    this.#send.hidden = this.#busy && !prompt
    this.#stop.hidden = !this.#busy
    this.#keep()
  }

  #card (attachment: Attachment): HTMLElement {
    const { name, text } = attachment
    const remove = button('×', () => {
      this.#attachments = this.#attachments.filter(other => other !== attachment)
      this.#changed()
      this.focus()
    }, 'quiet')
    remove.setAttribute('aria-label', `Remove ${name}`)
    return make('li', 'card', make('details', '', make('summary', '', `${name} · ${number(lengthOf(text))} characters`), make('pre', '', firstOf(text, 2_000))), remove)
  }

  #choose (): void {
    this.#wanted = this.#model.value
    try {
      const { mode } = this.choice
      browserStorage()?.setItem(CHOICE, JSON.stringify({ mode, model: this.#wanted }))
    } catch {
      // The choice lasts as long as the page.
    }
  }

  #keep (): void {
    const text = this.#editing ? '' : this.#prompt.value
    try {
      if (text || this.#attachments.length > 0) tabStorage()?.setItem(DRAFT, JSON.stringify({ text, attachments: this.#attachments }))
      else tabStorage()?.removeItem(DRAFT)
    } catch {
      // The draft lasts as long as the page.
    }
  }

  #restore (): void {
    try {
      const { mode, model }: { mode?: unknown, model?: unknown } = JSON.parse(browserStorage()?.getItem(CHOICE) ?? '{}')
      if (mode === 'project-helper') this.#mode.value = mode
      if (typeof model === 'string') this.#wanted = model
      const { text, attachments }: { text?: unknown, attachments?: Attachment[] } = JSON.parse(tabStorage()?.getItem(DRAFT) ?? '{}')
      if (typeof text === 'string') this.#prompt.value = text
      if (Array.isArray(attachments)) this.#attachments = attachments.filter(({ name, text }) => typeof name === 'string' && typeof text === 'string')
    } catch {
      // What cannot be read is not there.
    }
    this.#changed()
  }
}

function number (value: number): string {
  return value.toLocaleString('en')
}
