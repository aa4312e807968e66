import type { AnswerPart, AnswerStatus, Model, Retry } from '../client/index.ts'
import { announce } from './announcer.ts'
import { copy } from './clipboard.ts'
import { countdown } from './countdown.ts'
import { button, make } from './dom.ts'
import { wordsFor } from './errors.ts'
import { MarkdownView } from './markdown.ts'
import { QuestionView, type QuestionActions } from './question-view.ts'
import { ReasoningView } from './reasoning-view.ts'
import type { Failure, Turn } from './turns.ts'

/** The label of each status. Final statuses are announced together with the answer. */
const LABELS: Record<AnswerStatus, string> = {
  waiting: 'Waiting for the first word',
  streaming: 'Writing',
  reconnecting: 'Connection lost, going after the answer',
  done: 'Done',
  stopped: 'Stopped',
  error: 'Failed'
}

/** How many characters of an answer are announced to screen readers. */
const MAX_SAID = 2_000

/** The actions on a turn that is over. */
export interface TurnActions extends QuestionActions {
  /** Asks the question again, in the same place. */
  readonly retry: () => void
  /** Asks the question again as another version, possibly with another model. */
  readonly regenerate: (model?: string) => void
  /** Asks the model to continue an answer that was broken off. */
  readonly proceed: () => void
  /** Resumes reading the answer. */
  readonly resume: () => void
  /** Lets the person enter a key. */
  readonly enterKey: () => void
  /** Starts the next try to reconnect at once. */
  readonly retryNow: () => void
}

/** A question and its answer, on the page. */
export class TurnView {
  readonly root = make('article', 'turn')
  readonly question: QuestionView
  readonly #way = new ReasoningView()
  readonly #body = make('div', 'answer')
  readonly #state = make('span', 'state')
  readonly #wait = make('span', 'retrying')
  readonly #buttons = make('span', 'buttons')
  readonly #foot = make('p', 'foot', this.#state, this.#wait, this.#buttons)
  readonly #actions: TurnActions
  readonly #turn: Turn
  #models: readonly Model[] = []
  #markdown: MarkdownView
  /** The text that was passed to the renderer. */
  #shown = ''
  #endCountdown = (): void => {}

  constructor (turn: Turn, actions: TurnActions) {
    this.#turn = turn
    this.#actions = actions
    this.question = new QuestionView(turn.prompt, actions)
    this.root.append(
      make('h2', 'unseen', 'You asked'), this.question.root,
      make('h2', 'unseen', 'The answer'), this.#way.root, this.#body, this.#foot
    )
    this.#markdown = new MarkdownView(this.#body)
    this.reset()
  }

  take (part: AnswerPart): void {
    if (part.type === 'text') {
      this.#append(part.text)
      return
    }
    if (part.type === 'reasoning') this.#way.think(part.text)
    // The turn has the merged data of all parts about a tool.
    else this.#way.use(this.#turn.tools?.find(({ id }) => id === part.id) ?? part)
  }

  /** Called with the first word of the answer: folds the reasoning. */
  settle (): void {
    this.#way.settle(this.#turn)
  }

  /** Shows the stored state of the turn, which another tab may have written. */
  reset (): void {
    this.#endCountdown()
    this.root.querySelector('.trouble')?.remove()
    this.#wait.replaceChildren()
    this.#way.reset(this.#turn)
    this.#body.replaceChildren()
    this.#shown = ''
    this.#markdown = new MarkdownView(this.#body)
    this.#append(this.#turn.answer)
    if (this.#turn.answer) this.settle()
  }

  /** Shows what another tab has added to the turn. */
  follow (): void {
    if (this.#turn.answer.startsWith(this.#shown) && !this.root.querySelector('.trouble')) this.#append(this.#turn.answer.slice(this.#shown.length))
    else this.reset()
  }

  /** Shows and announces the status of the answer. */
  become (status: AnswerStatus): void {
    if (this.root.dataset.status === status) return
    this.#show(status)
    announce(LABELS[status])
  }

  /** Shows the number of the next try to reconnect, and when it begins. */
  retrying ({ attempt, tries, at }: Retry): void {
    this.#endCountdown()
    const seconds = make('span')
    const now = button('Try now', this.#actions.retryNow)
    const focused = this.#wait.contains(document.activeElement)
    this.#wait.replaceChildren(`try ${attempt} of ${tries} `, seconds, now)
    if (focused) now.focus()
    this.#endCountdown = countdown((at - Date.now()) / 1000, seconds)
  }

  /** Called when the answer is over. `aloud` is true when it has just ended, so that it is announced. */
  async finish ({ retryAfter, aloud }: { readonly retryAfter?: number | undefined, readonly aloud: boolean }): Promise<void> {
    const { failure, state } = this.#turn
    this.settle()
    await this.#markdown.end()
    // The answer may have been asked for again meanwhile.
    if (this.#turn.state !== state) return
    this.#show(state === 'open' ? 'error' : state)
    this.root.querySelector('.trouble')?.remove()
    if (failure) this.#trouble(failure, retryAfter)
    if (aloud) announce(failure ? `${this.#words(failure).title}. ${failure.message}` : `${state === 'done' ? 'The answer' : 'Stopped after'}: ${this.#said()}`)
  }

  /** Offers the models that the question can be asked again with. */
  offer (models: readonly Model[]): void {
    this.#models = models
    if (this.root.dataset.status === 'done' || this.root.dataset.status === 'stopped') this.#show(this.root.dataset.status)
  }

  #append (text: string): void {
    this.#shown += text
    this.#markdown.append(text)
  }

  #said (): string {
    const heads = this.#body.querySelectorAll<HTMLElement>('.code-head')
    for (const head of heads) head.hidden = true
    const said = this.#text()
    for (const head of heads) head.hidden = false
    return said
  }

  /** The text that is seen of the answer, or its beginning. */
  #text (): string {
    let said = ''
    for (const block of this.#body.children) {
      if (said.length > MAX_SAID) return `${said.slice(0, MAX_SAID)} …`
      if (block instanceof HTMLElement) said += `${said && '\n'}${block.innerText}`
    }
    return said
  }

  #words ({ errorType }: Failure): ReturnType<typeof wordsFor> {
    return wordsFor(errorType, { resumable: this.#turn.streamId !== undefined, begun: this.#turn.answer !== '' })
  }

  #show (status: AnswerStatus): void {
    if (status !== 'reconnecting') {
      this.#endCountdown()
      this.#wait.replaceChildren()
    }
    this.root.dataset.status = status
    this.#body.setAttribute('aria-busy', String(status === 'waiting' || status === 'streaming' || status === 'reconnecting'))
    const { left } = this.#turn
    this.#state.textContent = LABELS[status] + (left ? `, without the oldest ${left === 1 ? 'turn' : `${left} turns`}: they do not fit any more` : '')
    this.#buttons.replaceChildren(...status === 'done' || status === 'stopped' || (status === 'error' && this.#turn.answer) ? this.#tools() : [])
  }

  #tools (): HTMLElement[] {
    const copyButton = button('Copy', () => { void copy(this.#turn.answer, this.#body, copyButton) })
    copyButton.setAttribute('aria-label', 'Copy answer')
    const tools: HTMLElement[] = [...this.#turn.answer ? [copyButton] : [], button('Regenerate', () => this.#actions.regenerate())]
    if (this.#models.length > 1) {
      const others = make('select', 'quiet others', new Option('with…', ''), ...this.#models.map(({ id, name }) => new Option(name ?? id, id)))
      others.setAttribute('aria-label', 'Regenerate with')
      others.addEventListener('change', () => {
        const { value } = others
        others.value = ''
        if (value) this.#actions.regenerate(value)
      })
      tools.push(others)
    }
    return tools
  }

  #trouble (failure: Failure, retryAfter: number | undefined): void {
    const { title, advice, remedy } = this.#words(failure)
    const { message, requestId } = failure
    const again = button('Try again', this.#actions.retry, 'primary')
    const wait = make('span', 'wait')
    if (retryAfter) this.#endCountdown = countdown(retryAfter, wait, again)
    const buttons = make('p', 'buttons', ...[
      ...remedy === 'key' ? [button('Enter a key', this.#actions.enterKey, 'primary')] : [],
      ...remedy === 'resume' ? [button('Read on', this.#actions.resume, 'primary')] : [],
      ...remedy === 'continue' ? [button('Continue', this.#actions.proceed, 'primary')] : [],
      ...remedy === 'none' || remedy === 'key' || remedy === 'continue' ? [] : [again],
      wait
    ])
    if (remedy === 'resume') again.className = 'quiet'
    this.#foot.before(make('section', 'trouble',
      make('h3', '', title), make('p', '', advice), make('p', 'said', message), buttons,
      ...requestId ? [make('p', 'request', `Request ${requestId}`)] : []
    ))
  }
}
