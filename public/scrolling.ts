import { byId } from './dom.ts'

/** How near to the end counts as “at the end”, in CSS pixels: less than anybody scrolls on purpose. */
const NEAR = 8

/** Keeps the latest words in sight for who reads along, and never moves the page under who has scrolled back. */
export class Scrolling {
  readonly #latest = byId('latest', HTMLButtonElement)
  #following = true
  #top = 0

  constructor () {
    addEventListener('scroll', () => {
      const { scrollHeight, scrollTop, clientHeight } = document.documentElement
      // By itself the page only ever scrolls down.
      if (scrollHeight - scrollTop - clientHeight < NEAR) this.#following = true
      else if (scrollTop < this.#top) this.#following = false
      if (this.#following) this.#latest.hidden = true
      this.#top = scrollTop
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
    // Where the page has become shorter, the browser has moved it back: that was nobody who wants to read there.
    this.#top = document.documentElement.scrollTop
  }
}
