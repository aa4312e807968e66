import type { ChatClient, ChatError, Model } from '../client/index.ts'
import { Answers } from './answers.ts'
import type { Choice } from './choices.ts'
import type { Details } from './details.ts'
import { byId } from './dom.ts'
import { type Library, titleOf } from './library.ts'
import type { Scrolling } from './scrolling.ts'
import { newId } from './transfer.ts'
import { TurnView } from './turn-view.ts'
import { branch, type Turn, versions } from './turns.ts'

/** The parts of the page that {@link Conversation} uses. */
export interface ConversationParts {
  readonly client: ChatClient
  readonly library: Library
  readonly details: Details
  readonly scrolling: Scrolling
  readonly choice: () => Choice
  /** Called when an answer of the shown conversation begins, and when none is in progress any more; `turn` is the one that has just ended. */
  readonly onBusy: (busy: boolean, turn?: Turn) => void
  /** Called when a question was asked in a new conversation, or in one that thereby became the latest. */
  readonly onAsked: (chat: string) => void
  /** Called when the person wants to edit a question. */
  readonly onEdit: (turn: Turn) => void
  /** Called when a key is needed: `why` is the message of the gateway; absent when the person asked to enter a key. */
  readonly onKeyWanted: (why?: string) => void
}

/** The conversation that is shown: its questions and answers in the chosen versions. */
export class Conversation {
  readonly #parts: ConversationParts
  readonly #answers: Answers
  readonly #list = byId('turns', HTMLElement)
  readonly #views = new Map<string, TurnView>()
  #path: Turn[] = []
  #models: readonly Model[] = []
  /** The id of the conversation; a new conversation is not in the library yet. */
  chat = newId()

  constructor (parts: ConversationParts) {
    const { client, library, details, choice } = this.#parts = parts
    this.#answers = new Answers({
      client,
      library,
      choice,
      view: ({ id }) => this.#views.get(id),
      onBegun: (turn, answer, measurement) => {
        if (turn.chat !== this.chat) return
        details.show(turn, answer, measurement)
        this.#busy()
      },
      onEvent: () => details.update(),
      onOver: (turn, error, aloud) => this.#over(turn, error, aloud)
    })
  }

  /** The turns that are shown. */
  get turns (): readonly Turn[] {
    return this.#path
  }

  /** Shows a conversation, or a new one. */
  open (chat = newId()): void {
    this.chat = chat
    this.#views.clear()
    this.#list.replaceChildren()
    this.#path = []
    this.refresh()
    this.#parts.scrolling.toEnd()
    this.#busy()
  }

  /** Shows what has changed in the shown conversation, here or in another tab. */
  refresh (): void {
    const { library, details } = this.#parts
    const turns = library.turns(this.chat)
    const path = branch(turns, library.chat(this.chat)?.chosen ?? {})
    const same = path.findIndex((turn, index) => turn.id !== this.#path[index]?.id)
    for (const { id } of this.#path.slice(same === -1 ? path.length : same)) {
      this.#views.get(id)?.root.remove()
      this.#views.delete(id)
    }
    this.#path = path
    // The latest turns are in view and are rendered first.
    const fresh = path.filter(({ id }) => !this.#views.has(id))
    for (const turn of fresh.toReversed()) this.#show(turn)
    this.#list.append(...fresh.flatMap(({ id }) => this.#views.get(id)?.root ?? []))
    for (const turn of path) {
      const here = versions(turns, turn.parent)
      this.#views.get(turn.id)?.question.place(here.indexOf(turn), here.length)
    }
    byId('empty', HTMLElement).hidden = path.length > 0
    details.remember(path.at(-1))
  }

  /** Another tab has changed a conversation, or one turn of it. */
  changed (chat: string, id?: string): void {
    if (!this.#parts.library.chat(chat)) this.#answers.stopAll(chat)
    if (chat !== this.chat) return
    const turn = this.#path.find(turn => turn.id === id)
    if (turn && !this.#answers.has(turn)) {
      const view = this.#views.get(turn.id)
      view?.follow()
      if (turn.state === 'open') view?.become(turn.answer ? 'streaming' : 'waiting')
      else void view?.finish({ aloud: false })
      this.#parts.details.update()
    }
    this.refresh()
    this.#busy()
  }

  /** Asks a question after the shown turns, or as another version of one of them. */
  ask (prompt: string, instead?: Turn, model?: string): void {
    const { library, scrolling } = this.#parts
    const before = instead ? instead.parent : this.#path.at(-1)?.id
    const turn: Turn = { id: newId(), chat: this.chat, ...before !== undefined && { parent: before }, asked: Date.now(), prompt, model, answer: '', state: 'open' }
    const chat = library.chat(this.chat) ?? { id: this.chat, title: titleOf(prompt), updated: 0 }
    library.saveChat({ ...chat, updated: Date.now(), chosen: { ...chat.chosen, [before ?? '']: turn.id } })
    library.saveTurn(turn)
    this.#answers.ask(turn)
    this.refresh()
    scrolling.toEnd()
    this.#parts.onAsked(this.chat)
  }

  /** Stops the answer in progress and the model. */
  stop (): void {
    for (const turn of this.#open()) this.#answers.stop(turn)
  }

  /** Stops every answer in progress in a conversation. */
  stopAll (chat: string): void {
    this.#answers.stopAll(chat)
  }

  /** Asks the latest question again if it failed because a key was missing. */
  retryWithKey (): void {
    const turn = this.#path.at(-1)
    if (turn?.failure?.errorType !== 'unauthenticated') return
    if (turn.streamId === undefined) this.#answers.retry(turn)
    else this.#answers.resume(turn)
  }

  /** Lets every answer be asked for again with another model. */
  offer (models: readonly Model[]): void {
    this.#models = models
    for (const view of this.#views.values()) view.offer(models)
  }

  #open (): Turn[] {
    return this.#path.filter(({ state }) => state === 'open')
  }

  #busy (ended?: Turn): void {
    this.#parts.onBusy(this.#open().length > 0, ended)
  }

  #over (turn: Turn, error: ChatError | undefined, aloud: boolean): void {
    const { details, onKeyWanted } = this.#parts
    void this.#views.get(turn.id)?.finish({ aloud: aloud && turn.chat === this.chat, retryAfter: error?.retryAfter })
    details.update()
    if (turn.chat === this.chat) this.#busy(turn)
    if (aloud && error?.errorType === 'unauthenticated') onKeyWanted(error.message)
  }

  #show (turn: Turn): void {
    const { onEdit, onKeyWanted } = this.#parts
    const answers = this.#answers
    const view = new TurnView(turn, {
      edit: () => onEdit(turn),
      turnTo: step => this.#turnTo(turn, step),
      retry: () => answers.retry(turn),
      regenerate: model => this.ask(turn.prompt, turn, model ?? turn.model),
      proceed: () => answers.proceed(turn),
      resume: () => answers.resume(turn),
      enterKey: () => onKeyWanted(),
      retryNow: () => answers.retryNow(turn)
    })
    this.#views.set(turn.id, view)
    view.offer(this.#models)
    if (turn.state !== 'open') {
      void view.finish({ aloud: false })
      return
    }
    view.become(turn.answer ? 'streaming' : 'waiting')
    // This tab already reads the answers that it asked for.
    if (!answers.has(turn)) answers.adopt(turn)
  }

  /** Shows the previous (-1) or the next (1) version of a turn, with the turns that follow that version. */
  #turnTo (turn: Turn, step: -1 | 1): void {
    const { library } = this.#parts
    const here = versions(library.turns(turn.chat), turn.parent)
    const other = here[here.indexOf(turn) + step]
    if (!other) return
    library.change(turn.chat, { chosen: { ...library.chat(turn.chat)?.chosen, [turn.parent ?? '']: other.id } })
    this.refresh()
    this.#busy()
    const view = this.#views.get(other.id)
    view?.question.focus(step)
    view?.root.scrollIntoView({ block: 'nearest' })
  }
}
