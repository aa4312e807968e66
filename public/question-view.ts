import { button, make } from './dom.ts'

/** The actions on a question. */
export interface QuestionActions {
  /** Puts the question into the box for questions, to be edited and asked again. */
  readonly edit: () => void
  /** Shows the previous (-1) or the next (1) version. */
  readonly turnTo: (step: -1 | 1) => void
}

/** A question of this many lines or characters is folded. */
const MANY_LINES = 14
const MANY_CHARACTERS = 1_400

/** A question on the page, with its other versions. */
export class QuestionView {
  readonly root = make('div', 'question')
  readonly #place = make('span', 'place')
  readonly #versions = make('span', 'versions')

  constructor (prompt: string, { edit, turnTo }: QuestionActions) {
    const text = make('div', 'prompt', prompt)
    text.dir = 'auto'
    const tools = make('p', 'question-tools')
    const lines = prompt.split('\n').length
    if (lines > MANY_LINES || prompt.length > MANY_CHARACTERS) {
      text.classList.add('folded')
      const label = lines > MANY_LINES ? `Show all ${lines} lines` : 'Show all of it'
      const fold = button(label, () => {
        const folded = text.classList.toggle('folded')
        fold.textContent = folded ? label : 'Show less'
        fold.setAttribute('aria-expanded', String(!folded))
      })
      fold.setAttribute('aria-expanded', 'false')
      tools.append(fold)
    }
    this.#versions.append(step('‹', 'Previous version', () => turnTo(-1)), this.#place, step('›', 'Next version', () => turnTo(1)))
    this.#versions.hidden = true
    tools.append(this.#versions, button('Edit', edit, 'quiet edit'))
    this.root.append(text, tools)
  }

  /** Moves the focus to the arrow of a step, or to the other one where there is no further version. */
  focus (step: -1 | 1): void {
    const arrows = [...this.#versions.querySelectorAll('button')]
    if (step === 1) arrows.reverse()
    arrows.find(({ disabled }) => !disabled)?.focus()
  }

  /** Shows the number of this version and how many there are. */
  place (index: number, count: number): void {
    this.#versions.hidden = count < 2
    this.#place.textContent = `${index + 1} / ${count}`
    const [previous, , next] = this.#versions.children
    if (previous instanceof HTMLButtonElement) previous.disabled = index === 0
    if (next instanceof HTMLButtonElement) next.disabled = index === count - 1
  }
}

function step (sign: string, label: string, onClick: () => void): HTMLButtonElement {
  const element = button(sign, onClick, 'quiet step')
  element.setAttribute('aria-label', label)
  return element
}
