import type { Answer } from '../client/index.ts'
import { byId, make } from './dom.ts'
import type { Measurement } from './measurement.ts'
import { plot, summary } from './plot.ts'
import { save } from './transfer.ts'
import type { Turn } from './turns.ts'

/** The data of the shown turn. Of a turn from before the page was opened, only the stored part is known. */
interface Shown {
  readonly turn: Turn
  readonly answer?: Answer
  readonly measurement?: Measurement
}

/** The drawer with measurements of the latest answer. */
export class Details {
  readonly #drawer = byId('details', HTMLElement)
  readonly #toggle = byId('details-toggle', HTMLButtonElement)
  readonly #export = byId('export', HTMLButtonElement)
  #shown: Shown | undefined
  #frame: number | undefined

  constructor () {
    this.#toggle.addEventListener('click', () => this.#open(this.#drawer.hidden !== false))
    byId('details-close', HTMLButtonElement).addEventListener('click', () => this.#open(false))
    this.#drawer.addEventListener('keydown', event => {
      if (event.key !== 'Escape') return
      // Outside of the drawer, Escape stops the answer.
      event.stopPropagation()
      this.#open(false)
    })
    this.#export.addEventListener('click', () => this.#save())
    this.#draw()
  }

  /** Shows an answer and its progress. */
  show (turn: Turn, answer: Answer, measurement: Measurement): void {
    this.#shown = { turn, answer, measurement }
    this.update()
  }

  /** Shows the stored data of a turn, unless the turn is already shown. */
  remember (turn: Turn | undefined): void {
    if (turn?.id === this.#shown?.turn.id) return
    this.#shown = turn && { turn }
    this.update()
  }

  /** Called after every change; draws at most once a frame, and only while the drawer is open. */
  update (): void {
    if (this.#drawer.hidden) return
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = undefined
      this.#draw()
    })
  }

  #open (open: boolean): void {
    this.#drawer.hidden = !open
    this.#toggle.setAttribute('aria-expanded', String(open))
    document.body.classList.toggle('with-details', open)
    this.#draw()
    if (open) byId('details-close', HTMLButtonElement).focus()
    else this.#toggle.focus()
  }

  #draw (): void {
    const { turn, answer, measurement } = this.#shown ?? {}
    // Finish reason and usage are stored in the turn when the answer has ended; until then the answer has them.
    const { finishReason, usage } = answer ?? turn ?? {}
    const facts: Array<[string, string | undefined]> = [
      ['Delivery', answer?.delivery === 'buffered' ? 'buffered: it came whole' : answer?.delivery],
      ['First piece after', milliseconds(measurement?.firstPiece)],
      ['Pieces a second', measurement?.rate?.toFixed(1)],
      ['Pieces', measurement && String(measurement.pieces)],
      ['Bytes', turn && String(answer?.bytes ?? new TextEncoder().encode(turn.answer).length)],
      ['Status', answer?.status ?? turn?.state],
      ['Finish reason', finishReason === null ? 'not told' : finishReason],
      ['Model', answer ? answer.model : turn?.answeredBy],
      ['Input tokens', tokens(usage?.inputTokens, usage?.cachedInputTokens, 'cached')],
      ['Output tokens', tokens(usage?.outputTokens, usage?.reasoningTokens, 'for thinking')],
      ['Request', answer?.requestId ?? turn?.failure?.requestId]
    ]
    byId('facts', HTMLElement).replaceChildren(...facts.map(([name, value = '–']) => make('div', '', make('dt', '', name), make('dd', '', value))))
    const gaps = measurement?.gaps ?? []
    byId('plot', HTMLElement).replaceChildren(plot(gaps))
    byId('plot-caption', HTMLElement).textContent = `Gaps between pieces: ${summary(gaps).toLowerCase()}`
    this.#export.disabled = !measurement?.events.length
  }

  #save (): void {
    save(this.#shown?.measurement?.ndjson ?? '', `answer-${this.#shown?.answer?.requestId ?? 'events'}.ndjson`, 'application/x-ndjson')
  }
}

function milliseconds (time: number | undefined): string | undefined {
  return time === undefined ? undefined : `${Math.round(time)} ms`
}

function tokens (count: number | undefined, part: number | undefined, of: string): string | undefined {
  return count === undefined ? undefined : `${count}${part === undefined ? '' : `, ${part} ${of}`}`
}
