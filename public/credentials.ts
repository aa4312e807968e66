import { byId } from './dom.ts'
import { tabStorage } from './storage.ts'

const NAME = 'copilot-stream-gateway:key'

/**
 * The key or token for the gateway, when it wants one. It is kept in memory, or until the tab is closed when the person says
 * so; never in localStorage, which every later visitor of this browser has, and never in an address.
 */
export class Credentials {
  readonly #dialog = byId('credentials', HTMLDialogElement)
  readonly #input = byId('credential', HTMLInputElement)
  readonly #keep = byId('keep', HTMLInputElement)
  #secret = tabStorage()?.getItem(NAME) ?? ''

  /** Calls `onChange` when a key was entered or forgotten. */
  constructor (onChange: () => void) {
    byId('key', HTMLButtonElement).addEventListener('click', () => this.ask())
    this.#dialog.addEventListener('close', () => {
      const { returnValue } = this.#dialog
      // What was typed stays nowhere in the page.
      // A header takes no more than this; white space comes from copying.
      const typed = this.#input.value.replace(/[^\x21-\x7e]/g, '')
      this.#input.value = ''
      if (returnValue !== 'use' && returnValue !== 'forget') return
      this.#secret = returnValue === 'use' ? typed : ''
      this.#store()
      onChange()
    })
    // The first button of a form is the one that Enter presses, and that is “forget it”.
    this.#input.addEventListener('keydown', event => {
      if (event.key !== 'Enter' || event.isComposing) return
      event.preventDefault()
      this.#dialog.close('use')
    })
  }

  /** What every request has to say who asks. */
  get headers (): Record<string, string> {
    return this.#secret ? { Authorization: `Bearer ${this.#secret}` } : {}
  }

  /** Asks the person for a key; `why` is what the gateway says of it. */
  ask (why?: string): void {
    if (this.#dialog.open) return
    byId('credentials-why', HTMLElement).textContent = `${why ? `The gateway says: ${why}. ` : ''}The key is sent to this gateway only, as a bearer token.`
    this.#keep.checked = tabStorage()?.getItem(NAME) != null
    this.#dialog.returnValue = ''
    this.#dialog.showModal()
    this.#input.focus()
  }

  #store (): void {
    if (this.#secret && this.#keep.checked) tabStorage()?.setItem(NAME, this.#secret)
    else tabStorage()?.removeItem(NAME)
  }
}
