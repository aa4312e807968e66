import { announce } from './announcer.ts'
import { Attachments } from './attachments.ts'
import { firstOf, fold, lengthOf, MAX_PROMPT } from './draft.ts'
import { button, byId, make } from './dom.ts'
import { keepDraft, keptDraft } from './kept-draft.ts'
import type { Turn } from './turns.ts'

/** A question, perhaps as another version of an earlier one. */
interface Question {
  readonly prompt: string
  readonly instead?: Turn | undefined
}

/** Callbacks for what the person does in the composer. */
export interface ComposerListeners {
  readonly onAsk: (prompt: string, instead?: Turn) => void
  readonly onStop: () => void
  /** The person pressed the up arrow in an empty box, to edit the last question. */
  readonly onEditLast: () => void
}

/** The number of characters from which on the box shows their count. */
const NEAR = MAX_PROMPT * 0.8

/** The box for questions with its buttons. Its content survives a reload. */
export class Composer {
  readonly #form = byId('composer', HTMLFormElement)
  readonly #prompt = byId('prompt', HTMLTextAreaElement)
  readonly #send = byId('send', HTMLButtonElement)
  readonly #stop = byId('stop', HTMLButtonElement)
  readonly #notes = byId('notes', HTMLElement)
  readonly #counter = byId('counter', HTMLElement)
  readonly #listeners: ComposerListeners
  readonly #attachments = new Attachments(() => this.#changed(), why => this.#refuse(why))
  /** The question that is sent when the current answer has ended. */
  #queued: Question | undefined
  /** The question that is being edited, and the text that was in the box before. */
  #editing: { readonly turn: Turn, readonly aside: string } | undefined
  #busy = false

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
    this.#stop.addEventListener('click', () => this.#stopped())
    document.addEventListener('keydown', event => {
      if (event.key !== 'Escape' || event.isComposing || document.querySelector('dialog[open]')) return
      if (this.#editing) this.#cancelEdit()
      else if (this.#busy) this.#stopped()
    })
    const { text, attachments } = keptDraft()
    this.#prompt.value = text
    this.#attachments.all = attachments
    this.#changed()
  }

  /** Shows Stop while an answer is in progress. A question that is sent meanwhile waits for the end of the answer. */
  setBusy (busy: boolean): void {
    // Hiding the focused button would lose the focus, so the box takes it.
    if (busy !== this.#busy && (document.activeElement === this.#stop || document.activeElement === this.#send)) this.focus()
    this.#busy = busy
    this.#changed()
  }

  /** Called when an answer has ended: sends the waiting question, or puts it back into the box when the answer is not whole. */
  next (whole: boolean): void {
    const queued = this.#queued
    if (!queued) return
    this.#queued = undefined
    if (whole) this.#listeners.onAsk(queued.prompt, queued.instead)
    else this.#prompt.value = [queued.prompt, this.#prompt.value].filter(Boolean).join('\n\n')
    this.#changed()
  }

  /** Puts an earlier question into the box to be changed. */
  edit (turn: Turn): void {
    this.#editing = { turn, aside: this.#editing?.aside ?? this.#prompt.value }
    this.#prompt.value = turn.prompt
    this.#changed()
    this.focus()
    announce('Editing the question. Escape leaves it as it was.')
  }

  /** Called when another conversation is shown: puts the waiting question back into the box and ends editing. */
  leave (): void {
    this.next(false)
    if (this.#editing) this.#endEdit()
  }

  focus (): void {
    this.#prompt.focus()
  }

  #endEdit (): void {
    this.#prompt.value = this.#editing?.aside ?? ''
    this.#editing = undefined
    this.#changed()
  }

  #cancelEdit (): void {
    this.#endEdit()
    this.focus()
  }

  #stopped (): void {
    this.#listeners.onStop()
    this.next(false)
  }

  #ask (): void {
    const prompt = fold(this.#prompt.value, this.#attachments.all)
    if (!prompt) return
    if (lengthOf(prompt) > MAX_PROMPT) {
      announce(this.#counter.textContent)
      return
    }
    this.#take(prompt)
  }

  #take (prompt: string): void {
    if (this.#busy && this.#queued) {
      this.#refuse('One question is waiting already. Remove it, or wait for the answer.')
      return
    }
    const instead = this.#editing?.turn
    this.#attachments.all = []
    this.#endEdit()
    if (this.#busy) {
      this.#queued = { prompt, instead }
      announce('It will be asked when the answer has ended.')
    } else {
      this.#listeners.onAsk(prompt, instead)
    }
    this.#changed()
  }

  #refuse (why: string): void {
    this.#counter.textContent = why
    announce(why)
  }

  /** Updates the buttons and the count for the current text, and stores the draft. */
  #changed (): void {
    const prompt = fold(this.#prompt.value, this.#attachments.all)
    const length = lengthOf(prompt)
    const over = length - MAX_PROMPT
    const count = `${number(length)} of ${number(MAX_PROMPT)} characters`
    if (over > 0) this.#counter.replaceChildren(`${count}: ${number(over)} do not fit. Shorten it, or `, button('Send what fits', () => this.#take(firstOf(prompt, MAX_PROMPT)), 'inline'))
    else this.#counter.textContent = length >= NEAR ? count : ''
    this.#counter.classList.toggle('over', over > 0)
    this.#notes.replaceChildren(
      ...this.#editing ? [make('p', 'note-line', 'Editing an earlier question ', button('Cancel', () => this.#cancelEdit(), 'inline'))] : [],
      ...this.#queued
        ? [make('p', 'note-line queued', make('span', '', `Next: ${this.#queued.prompt}`), button('Remove', () => {
            this.next(false)
            this.focus()
          }, 'inline'))]
        : []
    )
    this.#send.hidden = this.#busy && !prompt
    this.#stop.hidden = !this.#busy
    // While a question is edited, the draft is the text from before: the question itself is stored in its turn.
    keepDraft(this.#editing?.aside ?? this.#prompt.value, this.#attachments.all)
  }
}

function number (value: number): string {
  return value.toLocaleString('en')
}
