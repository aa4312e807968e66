import { byId } from './dom.ts'

/** How near to the end counts as “reading along”, in CSS pixels. */
const NEAR = 80

/** Keeps the latest words in sight for who reads along, and never moves the page under who has scrolled back. */
export class Scrolling {
  readonly #latest = byId('latest', HTMLButtonElement)
  #following = true

  constructor () {
    addEventListener('scroll', () => {
      const { scrollHeight, scrollTop, clientHeight } = document.documentElement
      this.#following = scrollHeight - scrollTop - clientHeight < NEAR
      if (this.#following) this.#latest.hidden = true
    }, { passive: true })
    this.#latest.addEventListener('click', () => this.toEnd())
  }

  /** The page has become longer. */
  readonly grown = (): void => {
    if (this.#following) this.toEnd()
    else this.#latest.hidden = false
  }

  toEnd (): void {
    this.#following = true
    this.#latest.hidden = true
    // At once: a smooth scroll would never catch up with an answer.
    scrollTo({ top: document.documentElement.scrollHeight, behavior: 'instant' })
  }
}
