import { byId } from './dom.ts'
import { tabStorage } from './storage.ts'

const NAME = 'copilot-stream-gateway:key'

/**
 * The key or token for the gateway, if it requires one. It is kept in memory or, if the person chooses so, in sessionStorage until
 * the tab is closed. It is never in localStorage, which later users of the browser could read, and never in a URL.
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
      // The input is cleared, so that the key does not stay in the page.
      // Only characters that a header may contain; white space comes from copying.
      const typed = this.#input.value.replace(/[^\x21-\x7e]/g, '')
      this.#input.value = ''
      if (returnValue !== 'use' && returnValue !== 'forget') return
      this.#secret = returnValue === 'use' ? typed : ''
      this.#store()
      onChange()
    })
    // Enter would press the first button of the form, which is “forget it”.
    this.#input.addEventListener('keydown', event => {
      if (event.key !== 'Enter' || event.isComposing) return
      event.preventDefault()
      this.#dialog.close('use')
    })
  }

  /** The headers that authenticate every request. */
  get headers (): Record<string, string> {
    return this.#secret ? { Authorization: `Bearer ${this.#secret}` } : {}
  }

  /** Asks the person for a key; `why` is the message of the gateway. */
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
