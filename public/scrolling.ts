import { byId } from './dom.ts'

/** How near to the end counts as “at the end”, in CSS pixels: less than a person scrolls on purpose. */
const NEAR = 8

/** Scrolls along with a growing answer while the reader is at the end, and leaves the page alone after the reader has scrolled back. */
export class Scrolling {
  readonly #latest = byId('latest', HTMLButtonElement)
  #following = true
  #top = 0

  constructor () {
    addEventListener('scroll', () => {
      const { scrollHeight, scrollTop, clientHeight } = document.documentElement
      // The page itself only scrolls down, so that scrolling up was the reader.
      if (scrollHeight - scrollTop - clientHeight < NEAR) this.#following = true
      else if (scrollTop < this.#top) this.#following = false
      if (this.#following) this.#latest.hidden = true
      this.#top = scrollTop
    }, { passive: true })
    this.#latest.addEventListener('click', () => this.toEnd())
  }

  /** Called when the page has become longer. */
  readonly grown = (): void => {
    if (this.#following) this.toEnd()
    else this.#latest.hidden = false
  }

  toEnd (): void {
    this.#following = true
    this.#latest.hidden = true
    // Instant, because smooth scrolling would never catch up with an answer.
    scrollTo({ top: document.documentElement.scrollHeight, behavior: 'instant' })
    // When the page became shorter, the browser moved it back: that does not count as scrolling back by the reader.
    this.#top = document.documentElement.scrollTop
  }
}
