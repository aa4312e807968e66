import { type Answer, type AnswerOptions, type ChatClient, ChatError, type Model } from '../client/index.ts'
import { byId } from './dom.ts'
import type { Choice } from './composer.ts'
import type { Details } from './details.ts'
import { type Library, titleOf } from './library.ts'
import { Measurement } from './measurement.ts'
import type { Scrolling } from './scrolling.ts'
import { newId } from './transfer.ts'
import { TurnView } from './turn-view.ts'
import { branch, messagesOf, type Turn, versions } from './turns.ts'

/** What a conversation needs of the page. */
export interface ConversationParts {
  readonly client: ChatClient
  readonly library: Library
  readonly details: Details
  readonly scrolling: Scrolling
  readonly choice: () => Choice
  /** An answer of the shown conversation has begun to be written, or none is any more; `turn` has just ended. */
  readonly onBusy: (busy: boolean, turn?: Turn) => void
  /** Something was asked in a conversation that is new, or has become the latest. */
  readonly onAsked: (chat: string) => void
  /** The person wants to ask a question in another way. */
  readonly onEdit: (turn: Turn) => void
  /** The gateway wants a key, in its own words or because the person wants to enter one. */
  readonly onKeyWanted: (why?: string) => void
}

/** How often an answer that is being written is kept, in milliseconds. */
const SAVE_EVERY = 500
/** What has a model go on that its limit stopped. */
const PROCEED = 'Continue your last answer exactly where it breaks off. Repeat nothing and add no introduction.'

/** Asks, follows the answers, and keeps both: the part of this page that shows how the client is used. */
export class Conversation {
  readonly #parts: ConversationParts
  readonly #list = byId('turns', HTMLElement)
  /** Those of the shown conversation. */
  readonly #views = new Map<string, TurnView>()
  /** The answers that this tab reads, of whichever conversation, by their turns. */
  readonly #answers = new Map<string, Answer>()
  readonly #saving = new Map<string, ReturnType<typeof setTimeout>>()
  #path: Turn[] = []
  #models: readonly Model[] = []
  /** The shown conversation; one that is new has nothing in the library yet. */
  chat = newId()

  constructor (parts: ConversationParts) {
    this.#parts = parts
    // What fails from then on fails because the page is left. It may come back out of the browser's memory.
    addEventListener('pagehide', () => {
      for (const id of this.#answers.keys()) this.#saveNow(id)
      parts.library.close()
    })
    addEventListener('pageshow', () => parts.library.open())
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
    this.#parts.details.clear()
    this.refresh()
    this.#parts.scrolling.toEnd()
    this.#busy()
  }

  /** Shows what has changed in the shown conversation, here or in another tab. */
  refresh (): void {
    const { library, scrolling } = this.#parts
    const turns = library.turns(this.chat)
    const path = branch(turns, library.chat(this.chat)?.chosen ?? {})
    const same = path.findIndex((turn, index) => turn.id !== this.#path[index]?.id)
    for (const { id } of this.#path.slice(same === -1 ? path.length : same)) {
      this.#views.get(id)?.root.remove()
      this.#views.delete(id)
    }
    this.#path = path
    // The latest are what is looked at, and are rendered first.
    const fresh = path.filter(({ id }) => !this.#views.has(id))
    for (const turn of fresh.toReversed()) this.#show(turn)
    this.#list.append(...fresh.flatMap(({ id }) => this.#views.get(id)?.root ?? []))
    for (const turn of path) {
      const here = versions(turns, turn.parent)
      this.#views.get(turn.id)?.question.place(here.indexOf(turn), here.length)
    }
    byId('empty', HTMLElement).hidden = path.length > 0
    if (fresh.length > 0) scrolling.grown()
  }

  /** Another tab has changed a conversation. */
  changed (chat: string): void {
    if (!this.#parts.library.chat(chat)) for (const turn of this.#parts.library.turns(chat)) void this.#answers.get(turn.id)?.stop()
    if (chat !== this.chat) return
    for (const turn of this.#path) {
      if (this.#answers.has(turn.id)) continue
      const view = this.#views.get(turn.id)
      view?.follow()
      if (turn.state === 'open') view?.become(turn.answer ? 'streaming' : 'waiting')
      else void view?.finish({ aloud: false })
    }
    this.refresh()
    this.#busy()
  }

  /** Asks behind the shown turns, or as another version of one of them. */
  ask (prompt: string, instead?: Turn, model?: string): void {
    const { library, scrolling } = this.#parts
    const before = instead ? instead.parent : this.#path.at(-1)?.id
    const turn: Turn = { id: newId(), chat: this.chat, ...before !== undefined && { parent: before }, asked: Date.now(), prompt, model, answer: '', state: 'open' }
    const chat = library.chat(this.chat) ?? { id: this.chat, title: titleOf(prompt), updated: 0 }
    library.saveChat({ ...chat, updated: Date.now(), chosen: { ...chat.chosen, [before ?? '']: turn.id } })
    library.saveTurn(turn)
    void this.#hold(turn, () => this.#ask(turn))
    this.refresh()
    scrolling.toEnd()
    this.#parts.onAsked(this.chat)
  }

  /** Stops the answer that is being written, and the model with it. */
  stop (): void {
    for (const turn of this.#open()) {
      const answer = this.#answers.get(turn.id)
      if (answer) void answer.stop()
      // Another tab reads it.
      else if (turn.streamId !== undefined) void this.#parts.client.resume(turn.streamId, { partial: turn.answer, position: turn.position }).stop()
    }
  }

  /** Stops whatever is written in a conversation. */
  stopAll (chat: string): void {
    for (const { id } of this.#parts.library.turns(chat)) void this.#answers.get(id)?.stop()
  }

  /** Goes on with the latest question if it failed for want of a key. */
  retryWithKey (): void {
    const turn = this.#path.at(-1)
    if (turn?.failure?.errorType !== 'unauthenticated') return
    if (turn.streamId === undefined) this.#retry(turn)
    else void this.#hold(turn, () => this.#resume(turn))
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

  /** Has one tab alone read an answer: where this one has to wait for another, it goes on when that one is gone. */
  async #hold (turn: Turn, task: () => Promise<void>): Promise<void> {
    // Browsers have locks only for pages of https and of this machine.
    if (navigator.locks) await navigator.locks.request(`copilot-stream-gateway:${turn.id}`, task)
    else await task()
  }

  async #adopt (turn: Turn): Promise<void> {
    await this.#hold(turn, async () => {
      this.#parts.library.reload(turn)
      if (turn.state !== 'open') return
      if (turn.streamId !== undefined) await this.#resume(turn)
      else this.#end(turn, new ChatError('left', 'It had not been made resumable yet, or could not be'), false)
    })
  }

  async #ask (turn: Turn, resumable = true): Promise<void> {
    const { client, choice } = this.#parts
    const path = this.#before(turn)
    const messages = messagesOf(turn.before === undefined ? path : [...path, { ...turn, state: 'done' }])
    const { mode, model } = choice()
    const question = { prompt: turn.before === undefined ? turn.prompt : PROCEED, messages, mode, model: turn.model ?? model, resumable }
    const error = await this.#follow(turn, options => client.ask(question, options))
    // A gateway without room for resumable answers may have room for one that is not. It has refused, so nothing is asked twice.
    if (resumable && error?.errorType === 'overloaded' && turn.streamId === undefined) return await this.#ask(turn, false)
    this.#end(turn, error)
  }

  async #resume (turn: Turn): Promise<void> {
    const { streamId = '', answer, before = 0, position } = turn
    const view = this.#views.get(turn.id)
    view?.reset()
    view?.become('reconnecting')
    this.#end(turn, await this.#follow(turn, options => this.#parts.client.resume(streamId, { partial: answer.slice(before), position }, options)))
  }

  /** The turns before one, the oldest first. */
  #before ({ chat, parent }: Turn): Turn[] {
    const turn = this.#parts.library.turns(chat).find(({ id }) => id === parent)
    return turn ? [...this.#before(turn), turn] : []
  }

  #retry (turn: Turn): void {
    if (this.#answers.has(turn.id)) return
    const kept = turn.before === undefined ? '' : turn.answer.slice(0, turn.before)
    Object.assign(turn, { answer: kept, state: 'open', streamId: undefined, position: undefined, failure: undefined, reasoning: undefined, thought: undefined, tools: undefined })
    this.#views.get(turn.id)?.reset()
    void this.#hold(turn, () => this.#ask(turn))
  }

  #proceed (turn: Turn): void {
    Object.assign(turn, { before: turn.answer.length, state: 'open', streamId: undefined, position: undefined, failure: undefined })
    this.#views.get(turn.id)?.reset()
    void this.#hold(turn, () => this.#ask(turn))
  }

  /** Follows an answer to its end, and resolves with why it is not whole. */
  async #follow (turn: Turn, begin: (options: AnswerOptions) => Answer): Promise<ChatError | undefined> {
    const { details, library } = this.#parts
    const view = (): TurnView | undefined => this.#views.get(turn.id)
    const measurement = new Measurement()
    const begun = Date.now()
    const before = turn.answer.slice(0, turn.before ?? 0)
    turn.state = 'open'
    turn.failure = undefined
    const answer = begin({
      onOpen: ({ streamId, status }) => {
        turn.streamId = streamId
        library.saveTurn(turn)
        // What is resumed is there again, though its next piece may take its time.
        if (status === 'waiting') view()?.become(turn.answer ? 'streaming' : 'waiting')
      },
      onStatus: status => {
        if (status === 'waiting' || status === 'streaming' || status === 'reconnecting') view()?.become(status)
        details.update()
      },
      onRetry: retry => view()?.retrying(retry),
      onEvent: event => {
        measurement.take(event)
        details.update()
      }
    })
    if (view()?.root.dataset.status !== 'reconnecting') view()?.become('waiting')
    this.#answers.set(turn.id, answer)
    this.#busy()
    if (turn.chat === this.chat) details.show(answer, measurement)
    library.saveTurn(turn)
    try {
      for await (const part of answer.parts) {
        view()?.take(part)
        if (part.type === 'text') {
          turn.answer = before + answer.partial
          if (turn.reasoning && turn.thought === undefined) {
            turn.thought = Date.now() - begun
            view()?.settle()
          }
        } else if (part.type === 'reasoning') {
          turn.reasoning = (turn.reasoning ?? '') + part.text
        } else {
          turn.tools = [...turn.tools?.filter(({ id }) => id !== part.id) ?? [], part]
        }
        turn.position = answer.position
        this.#saveSoon(turn)
      }
    } catch {
      // It is the answer's error.
    }
    turn.finishReason = answer.finishReason
    turn.usage = answer.usage
    this.#answers.delete(turn.id)
    return answer.error
  }

  #end (turn: Turn, error?: ChatError, aloud = true): void {
    turn.state = error ? error.errorType === 'stopped' ? 'stopped' : 'error' : 'done'
    if (error && turn.state === 'error') turn.failure = { errorType: error.errorType, message: error.message, requestId: error.requestId }
    // Only an answer that the gateway may still be writing can be read on.
    if (error?.errorType !== 'network' && error?.errorType !== 'unauthenticated') turn.streamId = turn.position = undefined
    void this.#views.get(turn.id)?.finish({ aloud: aloud && turn.chat === this.chat, retryAfter: error?.retryAfter })
    clearTimeout(this.#saving.get(turn.id))
    this.#saving.delete(turn.id)
    this.#parts.library.saveTurn(turn)
    this.#parts.details.update()
    if (turn.chat === this.chat) this.#busy(turn)
    if (aloud && error?.errorType === 'unauthenticated') this.#parts.onKeyWanted(error.message)
  }

  #show (turn: Turn): void {
    const { library, onEdit, onKeyWanted, scrolling } = this.#parts
    const view = new TurnView(turn, {
      edit: () => onEdit(turn),
      turnTo: step => {
        const here = versions(library.turns(turn.chat), turn.parent)
        const other = here[here.indexOf(turn) + step]
        if (!other) return
        library.change(turn.chat, { chosen: { ...library.chat(turn.chat)?.chosen, [turn.parent ?? '']: other.id } })
        this.refresh()
        this.#busy()
        this.#views.get(other.id)?.root.scrollIntoView({ block: 'nearest' })
      },
      retry: () => this.#retry(turn),
      regenerate: model => this.ask(turn.prompt, turn, model ?? turn.model),
      proceed: () => this.#proceed(turn),
      resume: () => { if (!this.#answers.has(turn.id)) void this.#hold(turn, () => this.#resume(turn)) },
      enterKey: () => onKeyWanted(),
      retryNow: () => this.#answers.get(turn.id)?.retryNow()
    }, scrolling.grown)
    this.#views.set(turn.id, view)
    view.offer(this.#models)
    if (turn.state !== 'open') {
      void view.finish({ aloud: false })
      return
    }
    view.become(turn.answer ? 'streaming' : 'waiting')
    // One that was asked here is held here.
    if (!this.#answers.has(turn.id)) void this.#adopt(turn)
  }

  #saveSoon (turn: Turn): void {
    if (!this.#saving.has(turn.id)) this.#saving.set(turn.id, setTimeout(() => this.#saveNow(turn.id, turn), SAVE_EVERY))
  }

  #saveNow (id: string, turn = this.#path.find(turn => turn.id === id)): void {
    clearTimeout(this.#saving.get(id))
    this.#saving.delete(id)
    if (turn) this.#parts.library.saveTurn(turn)
  }
}
