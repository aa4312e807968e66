import type { AnswerStatus } from '../client/index.ts'
import { announce } from './announcer.ts'
import { copy } from './clipboard.ts'
import { countdown } from './countdown.ts'
import { button, make } from './dom.ts'
import { wordsFor } from './errors.ts'
import type { Failure, Turn } from './history.ts'
import { MarkdownView } from './markdown.ts'

/** What a person is told of each state; the finished ones are not said aloud here, but with the answer. */
const LABELS: Record<AnswerStatus, string> = {
  waiting: 'Waiting for the first word',
  streaming: 'Writing',
  reconnecting: 'Connection lost, going after the answer',
  done: 'Done',
  stopped: 'Stopped',
  error: 'Failed'
}

/** What can be done with a turn that is over. */
export interface TurnActions {
  /** Asks the same again. */
  readonly retry: () => void
  /** Reads the same answer on. */
  readonly resume: () => void
  /** Lets the person enter a key. */
  readonly enterKey: () => void
}

/** A question and its answer, on the page. */
export class TurnView {
  readonly root = make('article', 'turn')
  readonly #body = make('div', 'answer')
  readonly #state = make('span', 'state')
  readonly #buttons = make('span', 'buttons')
  readonly #foot = make('p', 'foot', this.#state, this.#buttons)
  readonly #actions: TurnActions
  readonly #onGrowth: () => void
  #markdown: MarkdownView
  #source = ''
  #endCountdown = (): void => {}

  /** Calls `onGrowth` when it has become longer. */
  constructor ({ prompt, answer }: Turn, actions: TurnActions, onGrowth: () => void) {
    this.#actions = actions
    this.#onGrowth = onGrowth
    this.root.append(
      make('h2', 'unseen', 'You asked'), make('div', 'prompt', prompt),
      make('h2', 'unseen', 'The answer'), this.#body, this.#foot
    )
    this.#markdown = new MarkdownView(this.#body, onGrowth)
    this.append(answer)
  }

  append (text: string): void {
    this.#source += text
    this.#markdown.append(text)
  }

  /** Begins anew: with nothing for the same question asked again, with what is there to go on behind it. */
  reset (answer = ''): void {
    this.#endCountdown()
    this.root.querySelector('.trouble')?.remove()
    this.#source = ''
    this.#body.replaceChildren()
    this.#markdown = new MarkdownView(this.#body, this.#onGrowth)
    this.append(answer)
  }

  /** Shows how the answer is getting on, and says so. */
  become (status: AnswerStatus): void {
    if (this.root.dataset.status === status) return
    this.#show(status)
    announce(LABELS[status])
  }

  /** The answer is over. `aloud`: it has just ended, so that it is said. */
  async finish (turn: Turn, { retryAfter, aloud }: { readonly retryAfter?: number | undefined, readonly aloud: boolean }): Promise<void> {
    await this.#markdown.end()
    const { failure, state } = turn
    this.#show(state === 'open' ? 'error' : state)
    if (failure) this.#trouble(failure, turn, retryAfter)
    this.#onGrowth()
    if (aloud) announce(failure ? `${wordsFor(failure.errorType).title}. ${failure.message}` : `${state === 'done' ? 'The answer' : 'Stopped after'}: ${this.#body.innerText}`)
  }

  /** Only the latest answer can be asked for again: what follows the others builds on them. */
  offerRetry (offered: boolean): void {
    this.root.classList.toggle('latest-turn', offered)
  }

  #show (status: AnswerStatus): void {
    this.root.dataset.status = status
    this.#body.setAttribute('aria-busy', String(status === 'waiting' || status === 'streaming' || status === 'reconnecting'))
    this.#state.textContent = LABELS[status]
    const over = status === 'done' || status === 'stopped'
    const copyButton = button('Copy', () => { void copy(this.#source, this.#body, copyButton) })
    copyButton.setAttribute('aria-label', 'Copy answer')
    this.#buttons.replaceChildren(...over ? [copyButton, button('Retry', this.#actions.retry, 'quiet retry')] : [])
  }

  #trouble ({ errorType, message, requestId }: Failure, { streamId }: Turn, retryAfter: number | undefined): void {
    const { title, advice, remedy } = wordsFor(errorType, streamId !== undefined)
    const again = button('Try again', this.#actions.retry, 'primary')
    const wait = make('span', 'wait')
    if (retryAfter) this.#endCountdown = countdown(retryAfter, wait, again)
    const buttons = make('p', 'buttons retry', ...[
      ...remedy === 'key' ? [button('Enter a key', this.#actions.enterKey, 'primary')] : [],
      ...remedy === 'resume' ? [button('Read on', this.#actions.resume, 'primary')] : [],
      ...remedy === 'none' || remedy === 'key' ? [] : [again],
      wait
    ])
    if (remedy === 'resume') again.className = 'quiet'
    this.#foot.before(make('section', 'trouble',
      make('h3', '', title), make('p', '', advice), make('p', 'said', message), buttons,
      ...requestId ? [make('p', 'request', `Request ${requestId}`)] : []
    ))
  }
}
