import { announce } from './announcer.ts'
import { byId } from './dom.ts'

/** What a question can be asked with. */
export interface Choice {
  readonly mode: 'explain-only' | 'project-helper'
  readonly model: string | undefined
}

/** What the composer has done when the person asks, or has had enough. */
export interface ComposerListeners {
  readonly onAsk: (prompt: string) => void
  readonly onStop: () => void
}

/** The box for questions, with its selectors and buttons. */
export class Composer {
  readonly #form = byId('composer', HTMLFormElement)
  readonly #prompt = byId('prompt', HTMLTextAreaElement)
  readonly #mode = byId('mode', HTMLSelectElement)
  readonly #model = byId('model', HTMLSelectElement)
  readonly #send = byId('send', HTMLButtonElement)
  readonly #stop = byId('stop', HTMLButtonElement)
  readonly #onAsk: (prompt: string) => void

  constructor ({ onAsk, onStop }: ComposerListeners) {
    this.#onAsk = onAsk
    this.#form.addEventListener('submit', event => {
      event.preventDefault()
      this.#ask()
    })
    this.#prompt.addEventListener('keydown', event => {
      // While an input method composes a word, Enter chooses it; Safari says so by the code 229 alone.
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return
      event.preventDefault()
      this.#ask()
    })
    this.#stop.addEventListener('click', onStop)
    document.addEventListener('keydown', event => {
      if (event.key === 'Escape' && !event.isComposing && !this.#stop.hidden && !document.querySelector('dialog[open]')) onStop()
    })
  }

  get choice (): Choice {
    return {
      mode: this.#mode.value === 'project-helper' ? 'project-helper' : 'explain-only',
      model: this.#model.value || undefined
    }
  }

  /** Offers the models of the service besides “whichever it takes”. */
  offer (models: ReadonlyArray<{ readonly id: string, readonly name?: string }>): void {
    const chosen = this.#model.value
    this.#model.replaceChildren(new Option('Default model', ''), ...models.map(({ id, name }) => new Option(name ?? id, id)))
    this.#model.value = models.some(({ id }) => id === chosen) ? chosen : ''
  }

  /** While an answer is written there is Stop instead of Send; the next question can be written meanwhile. */
  set busy (busy: boolean) {
    // A button that is hidden loses the focus to nowhere.
    if (document.activeElement === this.#stop || document.activeElement === this.#send) this.focus()
    this.#send.hidden = busy
    this.#stop.hidden = !busy
  }

  get busy (): boolean {
    return !this.#stop.hidden
  }

  focus (): void {
    this.#prompt.focus()
  }

  #ask (): void {
    const prompt = this.#prompt.value.trim()
    if (!prompt) return
    if (this.busy) {
      announce('An answer is still being written. Escape stops it.')
      return
    }
    this.#prompt.value = ''
    this.#onAsk(prompt)
  }
}
