import { byId } from './dom.ts'

/** How near to the end counts as “at the end”, in CSS pixels: less than a person scrolls on purpose. */
const NEAR = 8
/** What a reader presses in order to see what it shows, and not the latest words. */
const UNFOLDS = 'summary, .question-tools button, .wrap'

/** Stays at the end of the page while it changes, and leaves the page alone after the reader has scrolled back. */
export class Scrolling {
  readonly #latest = byId('latest', HTMLButtonElement)
  #following = true
  #top = 0

  constructor () {
    addEventListener('scroll', () => {
      const { scrollTop } = document.documentElement
      // The page itself only scrolls down, so that scrolling up was the reader.
      if (atEnd()) this.#following = true
      else if (scrollTop < this.#top) this.#following = false
      this.#top = scrollTop
      this.#show()
    }, { passive: true })
    byId('turns', HTMLElement).addEventListener('click', ({ target }) => {
      if (target instanceof Element && target.closest(UNFOLDS)) this.#following = false
    })
    this.#latest.addEventListener('click', () => this.toEnd())
    // The height changes with each piece, with a failure, and when a turn from before comes near, which the browser lays out only then.
    new ResizeObserver(() => this.#changed()).observe(document.body)
    addEventListener('resize', () => this.#changed())
  }

  toEnd (): void {
    this.#following = true
    // Instant, because smooth scrolling would never catch up with an answer.
    scrollTo({ top: document.documentElement.scrollHeight, behavior: 'instant' })
    // When the page became shorter, the browser moved it back: that does not count as scrolling back by the reader.
    this.#top = document.documentElement.scrollTop
    this.#show()
  }

  #changed (): void {
    if (this.#following) this.toEnd()
    else this.#show()
  }

  #show (): void {
    this.#latest.hidden = this.#following || atEnd()
  }
}

function atEnd (): boolean {
  const { scrollHeight, scrollTop, clientHeight } = document.documentElement
  return scrollHeight - scrollTop - clientHeight < NEAR
}
