import { type Answer, type AnswerOptions, type ChatClient, ChatError } from '../client/index.ts'
import { byId } from './dom.ts'
import type { Choice } from './composer.ts'
import type { Details } from './details.ts'
import { type History, messagesOf, type Turn } from './history.ts'
import { Measurement } from './measurement.ts'
import type { Scrolling } from './scrolling.ts'
import { TurnView } from './turn-view.ts'

/** What a conversation needs of the page. */
export interface ConversationParts {
  readonly client: ChatClient
  readonly history: History
  readonly details: Details
  readonly scrolling: Scrolling
  readonly choice: () => Choice
  /** An answer has begun to be written, or none is written any more. */
  readonly onBusy: (busy: boolean) => void
  /** The gateway wants a key, in its own words or because the person wants to enter one. */
  readonly onKeyWanted: (why?: string) => void
}

/** How often an answer that is being written is kept, in milliseconds. */
const SAVE_EVERY = 1_000

/** Asks, follows the answers, and keeps both: the part of this page that shows how the client is used. */
export class Conversation {
  readonly #parts: ConversationParts
  readonly #list = byId('turns', HTMLElement)
  readonly #views = new Map<Turn, TurnView>()
  #current: Answer | undefined
  #saving: ReturnType<typeof setTimeout> | undefined

  constructor (parts: ConversationParts) {
    this.#parts = parts
    for (const turn of parts.history.turns) this.#show(turn)
    // What fails from then on fails because the page is left. It may come back out of the browser's memory.
    addEventListener('pagehide', () => parts.history.close())
    addEventListener('pageshow', () => parts.history.open())
  }

  /** Takes up what a reload interrupted. */
  restore (): void {
    for (const turn of this.#parts.history.turns) {
      if (turn.state === 'open' && turn.streamId !== undefined) void this.#resume(turn)
      else if (turn.state === 'open') this.#end(turn, new ChatError('left', 'It had not been made resumable yet, or could not be'), false)
      else void this.#views.get(turn)?.finish(turn, { aloud: false })
    }
    this.#parts.scrolling.toEnd()
  }

  ask (prompt: string): void {
    const turn: Turn = { prompt, answer: '', state: 'open' }
    this.#parts.history.turns.push(turn)
    this.#show(turn)
    void this.#ask(turn)
    this.#parts.scrolling.toEnd()
  }

  /** Stops the answer that is being written, and the model with it. */
  stop (): void {
    void this.#current?.stop()
  }

  /** Goes on with the latest question if it failed for want of a key. */
  retryWithKey (): void {
    const turn = this.#parts.history.turns.at(-1)
    if (turn?.failure?.errorType !== 'unauthenticated') return
    if (turn.streamId === undefined) this.#retry(turn)
    else void this.#resume(turn)
  }

  /** Forgets everything. */
  clear (): void {
    this.stop()
    this.#parts.history.turns = []
    this.#parts.history.save()
    this.#views.clear()
    this.#list.replaceChildren()
    this.#parts.details.clear()
    this.#arrange()
  }

  async #ask (turn: Turn, resumable = true): Promise<void> {
    const { client, choice, history } = this.#parts
    const messages = messagesOf(history.turns.slice(0, history.turns.indexOf(turn)))
    const error = await this.#follow(turn, options => client.ask({ prompt: turn.prompt, messages, ...choice(), resumable }, options))
    // A gateway without room for resumable answers may have room for one that is not. It has refused, so nothing is asked twice.
    if (resumable && error?.errorType === 'overloaded' && turn.streamId === undefined) return await this.#ask(turn, false)
    this.#end(turn, error)
  }

  async #resume (turn: Turn): Promise<void> {
    const { streamId = '', answer: partial } = turn
    const view = this.#views.get(turn)
    view?.reset(partial)
    view?.become('reconnecting')
    this.#end(turn, await this.#follow(turn, options => this.#parts.client.resume(streamId, { partial }, options)))
  }

  #retry (turn: Turn): void {
    if (this.#current) return
    Object.assign(turn, { answer: '', state: 'open', streamId: undefined, failure: undefined })
    this.#views.get(turn)?.reset()
    void this.#ask(turn)
  }

  /** Follows an answer to its end, and resolves with why it is not whole. */
  async #follow (turn: Turn, begin: (options: AnswerOptions) => Answer): Promise<ChatError | undefined> {
    const { details, history, onBusy } = this.#parts
    const view = this.#views.get(turn)
    const measurement = new Measurement()
    turn.state = 'open'
    turn.failure = undefined
    const answer = begin({
      onOpen: ({ streamId, status }) => {
        turn.streamId = streamId
        history.save()
        // What is resumed is there again, though its next piece may take its time.
        if (status === 'waiting') view?.become(turn.answer ? 'streaming' : 'waiting')
      },
      onStatus: status => {
        if (status === 'waiting' || status === 'streaming' || status === 'reconnecting') view?.become(status)
        details.update()
      },
      onEvent: event => {
        measurement.take(event)
        details.update()
      }
    })
    if (view?.root.dataset.status !== 'reconnecting') view?.become('waiting')
    this.#current = answer
    this.#arrange()
    onBusy(true)
    details.show(answer, measurement)
    history.save()
    try {
      for await (const piece of answer) {
        view?.append(piece)
        turn.answer = answer.partial
        this.#saveSoon()
      }
    } catch {
      // It is the answer's error.
    }
    if (this.#current === answer) {
      this.#current = undefined
      onBusy(false)
    }
    return answer.error
  }

  #end (turn: Turn, error?: ChatError, aloud = true): void {
    turn.state = error ? error.errorType === 'stopped' ? 'stopped' : 'error' : 'done'
    if (error && turn.state === 'error') turn.failure = { errorType: error.errorType, message: error.message, requestId: error.requestId }
    // Only an answer that the gateway may still be writing can be read on.
    if (error?.errorType !== 'network' && error?.errorType !== 'unauthenticated') turn.streamId = undefined
    void this.#views.get(turn)?.finish(turn, { aloud, retryAfter: error?.retryAfter })
    this.#parts.history.save()
    this.#arrange()
    this.#parts.details.update()
    if (aloud && error?.errorType === 'unauthenticated') this.#parts.onKeyWanted(error.message)
  }

  #show (turn: Turn): void {
    const view = new TurnView(turn, {
      retry: () => this.#retry(turn),
      resume: () => { if (!this.#current) void this.#resume(turn) },
      enterKey: () => this.#parts.onKeyWanted()
    }, this.#parts.scrolling.grown)
    this.#views.set(turn, view)
    this.#list.append(view.root)
    this.#arrange()
  }

  #arrange (): void {
    const { turns } = this.#parts.history
    byId('empty', HTMLElement).hidden = turns.length > 0
    for (const [turn, view] of this.#views) view.offerRetry(turn === turns.at(-1))
  }

  #saveSoon (): void {
    this.#saving ??= setTimeout(() => {
      this.#saving = undefined
      this.#parts.history.save()
    }, SAVE_EVERY)
  }
}
