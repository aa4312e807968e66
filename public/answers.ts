import { type Answer, type AnswerOptions, type ChatClient, ChatError } from '../client/index.ts'
import type { Choice } from './choices.ts'
import type { Library } from './library.ts'
import { Measurement } from './measurement.ts'
import type { TurnView } from './turn-view.ts'
import { bytesOf, MAX_BODY, messagesOf, type Turn, withTool } from './turns.ts'

/** The parts of the page that {@link Answers} uses. */
export interface AnswersParts {
  readonly client: ChatClient
  readonly library: Library
  readonly choice: () => Choice
  /** The view of a turn, if the turn is shown. */
  readonly view: (turn: Turn) => TurnView | undefined
  readonly onBegun: (turn: Turn, answer: Answer, measurement: Measurement) => void
  /** Called with every event that changes the measurement. */
  readonly onEvent: () => void
  /** Called when an answer is over. `aloud` is true when the person is waiting for it, so that it is announced. */
  readonly onOver: (turn: Turn, error: ChatError | undefined, aloud: boolean) => void
}

/** How often an answer in progress is stored, in milliseconds. */
const SAVE_EVERY = 500
/** The prompt that makes a model continue an answer that reached its limit of length. */
const PROCEED = 'Continue your last answer exactly where it breaks off. Repeat nothing and add no introduction.'

/**
 * The answers that this tab reads, in all conversations: asks for them, follows, resumes and stops them, and stores what arrives.
 * This file shows how to use the client.
 */
export class Answers {
  readonly #parts: AnswersParts
  readonly #reading = new Map<string, { readonly turn: Turn, readonly answer: Answer }>()
  readonly #saving = new Map<string, ReturnType<typeof setTimeout>>()

  constructor (parts: AnswersParts) {
    this.#parts = parts
    // Errors after `pagehide` come from leaving the page and are not stored. The browser may restore the page from its back/forward cache.
    addEventListener('pagehide', () => {
      for (const { turn } of this.#reading.values()) this.#save(turn)
      parts.library.close()
    })
    addEventListener('pageshow', () => parts.library.open())
  }

  /** True while this tab reads the answer of a turn. */
  has ({ id }: Turn): boolean {
    return this.#reading.has(id)
  }

  ask (turn: Turn): void {
    void hold(turn, () => this.#ask(turn))
  }

  /** Asks the question of a turn again, in the same place. Text from before a continuation stays. */
  retry (turn: Turn): void {
    if (this.has(turn)) return
    const kept = turn.answer.slice(0, turn.before ?? 0)
    this.#askAnew(turn, { answer: kept, reasoning: undefined, thought: undefined, tools: undefined })
  }

  /** Asks the model to continue an answer that was broken off. */
  proceed (turn: Turn): void {
    if (!this.has(turn)) this.#askAnew(turn, { before: turn.answer.length })
  }

  /** Resumes reading the answer of a turn. */
  resume (turn: Turn): void {
    if (!this.has(turn)) void hold(turn, () => this.#resume(turn))
  }

  /** Resumes an answer that was in progress when its page was left, unless another tab reads it. */
  adopt (turn: Turn): void {
    void hold(turn, async () => {
      this.#parts.library.reload(turn)
      if (turn.state !== 'open') return
      if (turn.streamId !== undefined) await this.#resume(turn)
      else this.#end(turn, new ChatError('left', 'It had not been made resumable yet, or could not be'), false)
    })
  }

  /** Starts the next try to reconnect at once. */
  retryNow ({ id }: Turn): void {
    this.#reading.get(id)?.answer.retryNow()
  }

  /** Stops an answer and the model, even when another tab reads the answer. */
  stop ({ id, streamId, answer, before = 0, position }: Turn): void {
    const read = this.#reading.get(id)
    if (read) void read.answer.stop()
    else if (streamId !== undefined) void this.#parts.client.resume(streamId, { partial: answer.slice(before), position }).stop()
  }

  /** Stops every answer of a conversation that this tab reads. */
  stopAll (chat: string): void {
    for (const { turn, answer } of this.#reading.values()) if (turn.chat === chat) void answer.stop()
  }

  #askAnew (turn: Turn, changes: Partial<Turn>): void {
    Object.assign(turn, { ...changes, state: 'open', streamId: undefined, position: undefined, failure: undefined })
    this.#parts.view(turn)?.reset()
    this.ask(turn)
  }

  async #ask (turn: Turn, resumable = true, room = MAX_BODY): Promise<void> {
    const { client, choice } = this.#parts
    const { mode, model } = choice()
    const question = { prompt: turn.before === undefined ? turn.prompt : PROCEED, mode, model: turn.model ?? model, resumable, messages: [] }
    const path = this.#path(turn)
    const { messages, left } = messagesOf(turn.before === undefined ? path : [...path, { ...turn, state: 'done' }], room - bytesOf(question))
    turn.left = left || undefined
    const error = await this.#follow(turn, options => client.ask({ ...question, messages }, options))
    // A refused request never reached the service, so that a smaller request does not ask the question twice.
    if (error?.status === 413 && messages.length > 0) return await this.#ask(turn, resumable, room / 2)
    // A gateway without room for resumable answers may have room for one that is not.
    if (error?.errorType === 'overloaded' && resumable && turn.streamId === undefined) return await this.#ask(turn, false, room)
    this.#end(turn, error)
  }

  async #resume (turn: Turn): Promise<void> {
    const { streamId = '', answer, before = 0, position } = turn
    const view = this.#parts.view(turn)
    view?.reset()
    view?.become('reconnecting')
    this.#end(turn, await this.#follow(turn, options => this.#parts.client.resume(streamId, { partial: answer.slice(before), position }, options)))
  }

  /** The turns before a turn, oldest first. */
  #path ({ chat, parent }: Turn): Turn[] {
    const turns = new Map(this.#parts.library.turns(chat).map(turn => [turn.id, turn]))
    const path: Turn[] = []
    for (let turn = turns.get(parent ?? ''); turn && !path.includes(turn); turn = turns.get(turn.parent ?? '')) path.unshift(turn)
    return path
  }

  /** Follows an answer to its end, and resolves with its error, if there is one. */
  async #follow (turn: Turn, begin: (options: AnswerOptions) => Answer): Promise<ChatError | undefined> {
    const { library, onBegun, onEvent } = this.#parts
    const view = (): TurnView | undefined => this.#parts.view(turn)
    const measurement = new Measurement()
    const begun = Date.now()
    const before = turn.answer.slice(0, turn.before ?? 0)
    turn.state = 'open'
    turn.failure = undefined
    const answer = begin({
      onOpen: ({ streamId, status }) => {
        turn.streamId = streamId
        library.saveTurn(turn)
        // The connection is back, although the next piece of text may take a while.
        if (status === 'waiting') view()?.become(turn.answer ? 'streaming' : 'waiting')
      },
      onStatus: status => {
        if (status === 'waiting' || status === 'streaming' || status === 'reconnecting') view()?.become(status)
        onEvent()
      },
      onRetry: retry => view()?.retrying(retry),
      onEvent: event => {
        measurement.take(event)
        onEvent()
      }
    })
    if (view()?.root.dataset.status !== 'reconnecting') view()?.become('waiting')
    this.#reading.set(turn.id, { turn, answer })
    onBegun(turn, answer, measurement)
    library.saveTurn(turn)
    try {
      for await (const part of answer.parts) {
        if (part.type === 'tool') turn.tools = withTool(turn.tools ?? [], part)
        view()?.take(part)
        if (part.type === 'text') {
          turn.answer = before + answer.partial
          if (turn.reasoning && turn.thought === undefined) {
            turn.thought = Date.now() - begun
            view()?.settle()
          }
        } else if (part.type === 'reasoning') {
          turn.reasoning = (turn.reasoning ?? '') + part.text
        }
        turn.position = answer.position
        this.#saveSoon(turn)
      }
    } catch {
      // The error is in `answer.error`.
    }
    turn.finishReason = answer.finishReason
    turn.usage = answer.usage
    turn.answeredBy = answer.model
    this.#reading.delete(turn.id)
    return answer.error
  }

  #end (turn: Turn, error?: ChatError, aloud = true): void {
    turn.state = error ? error.errorType === 'stopped' ? 'stopped' : 'error' : 'done'
    if (error && turn.state === 'error') turn.failure = { errorType: error.errorType, message: error.message, requestId: error.requestId }
    // An answer can be resumed only after an error that leaves it running at the gateway.
    if (error?.errorType !== 'network' && error?.errorType !== 'unauthenticated') turn.streamId = turn.position = undefined
    this.#save(turn)
    this.#parts.onOver(turn, error, aloud)
  }

  #saveSoon (turn: Turn): void {
    if (!this.#saving.has(turn.id)) this.#saving.set(turn.id, setTimeout(() => this.#save(turn), SAVE_EVERY))
  }

  #save (turn: Turn): void {
    clearTimeout(this.#saving.get(turn.id))
    this.#saving.delete(turn.id)
    this.#parts.library.saveTurn(turn)
  }
}

/** Makes sure that only one tab reads an answer: this tab waits until the tab that holds the lock is closed. */
async function hold (turn: Turn, task: () => Promise<void>): Promise<void> {
  // Browsers offer locks only in secure contexts (https and localhost).
  if (navigator.locks) await navigator.locks.request(`copilot-stream-gateway:${turn.id}`, task)
  else await task()
}
