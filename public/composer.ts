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

/** What the composer has done when the person asks, or has had enough. */
export interface ComposerListeners {
  readonly onAsk: (prompt: string, instead?: Turn) => void
  readonly onStop: () => void
  /** Up was pressed in an empty box. */
  readonly onEditLast: () => void
}

/** From how many characters on their number is shown. */
const NEAR = MAX_PROMPT * 0.8

/** The box for questions, with its buttons. What is in it survives a reload. */
export class Composer {
  readonly #form = byId('composer', HTMLFormElement)
  readonly #prompt = byId('prompt', HTMLTextAreaElement)
  readonly #send = byId('send', HTMLButtonElement)
  readonly #stop = byId('stop', HTMLButtonElement)
  readonly #notes = byId('notes', HTMLElement)
  readonly #counter = byId('counter', HTMLElement)
  readonly #listeners: ComposerListeners
  readonly #attachments = new Attachments(() => this.#changed(), why => this.#refuse(why))
  /** The question that is asked when the answer that is being written has ended. */
  #queued: Question | undefined
  /** The question that is being changed, and what was in the box before. */
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

  /** Another conversation is shown: what belonged to the former one is no longer waited for, nor changed. */
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
      announce('One question is waiting already. Remove it, or wait for the answer.')
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

  /** Shows what belongs to the question as it is now, and keeps it. */
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
    // What is being changed was asked, and is kept there.
    keepDraft(this.#editing?.aside ?? this.#prompt.value, this.#attachments.all)
  }
}

function number (value: number): string {
  return value.toLocaleString('en')
}
