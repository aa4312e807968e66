import type { SessionEvent } from '@github/copilot-sdk'
import { Readable } from 'node:stream'
import type { Ending, FinishReason, Part, ToolPart, Usage } from '../../lib/answer/answer.ts'
import { CopilotError } from '../copilot-error.ts'
import { modelCallMessage, type SdkFailure } from './sdk-errors.ts'

type UsageData = Extract<SessionEvent, { type: 'assistant.usage' }>['data']

/** How long the session may be silent after the model has finished before the answer is ended, in milliseconds. */
const SILENCE = 2_000
/** How long a further model call waits for the outcome of the previous call, in milliseconds. */
const VERDICT = 1_000
/** How many model calls one answer may make: one, and another after each round of tools. */
const MAX_CALLS = 30

/**
 * One turn of a session, which converts the session's events into the parts of an answer. The first event that signals the end
 * ends it, because the SDK guarantees none of these events. Destroying the stream cancels the turn.
 */
export class Turn extends Readable {
  /** Aborts when the turn is over: ended, failed or cancelled. */
  readonly over: AbortSignal
  /** Resolves when {@link over} aborts. */
  readonly whenOver: Promise<void>
  readonly #over = new AbortController()
  readonly #toError: (failure: SdkFailure) => CopilotError
  readonly #tools = new Map<string, ToolPart>()
  #usage: Usage | undefined
  #model: string | undefined
  /** How the last model call ended, if that is known. */
  #finishReason: FinishReason | null | undefined
  /** True while the model waits for the results of its tools. */
  #wantsTools = false
  #loopEnded = false
  #begun = false
  #ended = false
  readonly #text: Buffer[] = []
  /** Whether the model's reply was streamed. A reply that was not streamed has its text only in `assistant.message`. */
  #streamed = true
  #calls = 0
  #verdicts = 0
  #onVerdict = () => {}
  #silence: NodeJS.Timeout | undefined

  constructor (toError: (failure: SdkFailure) => CopilotError) {
    super({ objectMode: true })
    this.#toError = toError
    this.over = this.#over.signal
    this.whenOver = new Promise(resolve => { this.over.addEventListener('abort', () => resolve()) })
  }

  /** Whether the turn has ended with a whole answer. */
  get isWhole (): boolean {
    return this.#ended && !this.#isBrokenOff
  }

  /** The text of the answer so far. */
  get text (): string {
    return Buffer.concat(this.#text).toString()
  }

  /** How the turn ended, once it has. */
  get ending (): Ending {
    return {
      finishReason: this.#finishReason ?? null,
      ...(this.#usage && { usage: this.#usage }),
      ...(this.#model !== undefined && { model: this.#model })
    }
  }

  /**
   * Whether the runtime may call the model now. It may not after an answer was broken off or filtered: the runtime would then ask
   * again by itself, and the second reply would be appended to the first without a mark.
   */
  async mayAsk (): Promise<boolean> {
    if (this.#verdicts < this.#calls) await this.#verdict()
    if (this.over.aborted || this.#isBrokenOff) return false
    if (this.#calls === MAX_CALLS) {
      this.fail({ message: `The model called tools ${MAX_CALLS} times and came to no end` })
      return false
    }
    this.#calls++
    this.#finishReason = undefined
    this.#wantsTools = false
    this.#loopEnded = false
    clearTimeout(this.#silence)
    this.#silence = undefined
    return true
  }

  /** Records whether the model's reply is streamed. */
  replied (streamed: boolean): void {
    this.#streamed = streamed
  }

  /** Ends the turn as failed. */
  fail (failure: SdkFailure): void {
    this.destroy(this.#toError(failure))
  }

  /** Handles one event of the session. */
  handle (event: SessionEvent): void {
    if (this.over.aborted) return
    this.#silence?.refresh()
    switch (event.type) {
      case 'assistant.message_delta':
        this.#say('text', event.data.deltaContent)
        break
      case 'assistant.reasoning_delta':
        this.#say('reasoning', event.data.deltaContent)
        break
      case 'assistant.message':
        this.#wantsTools ||= (event.data.toolRequests ?? []).length > 0
        if (!this.#streamed) {
          this.#say('reasoning', event.data.reasoningText ?? '')
          this.#say('text', event.data.content)
        }
        break
      case 'tool.execution_start': {
        const { toolCallId: id, toolName: name, arguments: input } = event.data
        this.#tool({ type: 'tool', id, name, state: 'running', ...(input !== undefined && { input }) })
        break
      }
      case 'tool.execution_complete': {
        const { toolCallId: id, success, result, error } = event.data
        const output = success ? result?.content : error?.message
        const { name = '' } = this.#tools.get(id) ?? {}
        this.#tool({ type: 'tool', id, name, state: success ? 'done' : 'failed', ...(output !== undefined && { output }) })
        break
      }
      case 'assistant.turn_end':
        this.#loopEnded = true
        this.#endIfThrough()
        break
      case 'assistant.usage':
        this.#count(event.data)
        this.#endIfThrough()
        break
      case 'model.call_failure':
        this.#heard()
        if (this.#isBrokenOff) this.#end()
        else if (this.#begun || willBeRetried(event.data.statusCode)) {
          this.fail({ statusCode: event.data.statusCode, message: modelCallMessage(event.data.errorMessage) })
        }
        break
      case 'session.error':
        if (this.#isBrokenOff) this.#end()
        else this.fail(event.data)
        break
      case 'session.shutdown':
        if (this.#isThrough) this.#end()
        else this.fail({ message: event.data.errorReason ?? 'The session of GitHub Copilot was shut down' })
        break
      case 'session.idle':
        this.#end()
    }
  }

  get #isBrokenOff (): boolean {
    return this.#finishReason === 'length' || this.#finishReason === 'content_filter'
  }

  /** True when the model has reported how its answer ended, and waits for no tool. */
  get #isThrough (): boolean {
    return this.#isBrokenOff || (this.#finishReason !== undefined && !this.#wantsTools)
  }

  /**
   * Ends the answer when the model has finished. The usage of a call may arrive before its last words, so that only the end of the
   * loop shows that the text is complete. After an empty reply the runtime sends an error, for which this waits.
   */
  #endIfThrough (): void {
    if (!this.#isThrough) return
    if (this.#loopEnded && (this.#text.length > 0 || this.#isBrokenOff)) this.#end()
    else this.#silence ??= setTimeout(() => { if (this.#isThrough) this.#end() }, SILENCE)
  }

  #count ({ finishReason, contentFilterTriggered, inputTokens = 0, outputTokens = 0, reasoningTokens = 0, cacheReadTokens = 0, model }: UsageData): void {
    this.#wantsTools ||= finishReason === 'tool_calls'
    this.#finishReason = contentFilterTriggered ? 'content_filter' : finishReasonOf(finishReason)
    this.#model = model
    // The runtime reports zero for numbers that the model did not report. The usage of all calls of a turn is added up.
    if (inputTokens + outputTokens > 0) {
      const { inputTokens: input = 0, outputTokens: output = 0, reasoningTokens: reasoning = 0, cachedInputTokens: cached = 0 } = this.#usage ?? {}
      this.#usage = {
        ...(input + inputTokens > 0 && { inputTokens: input + inputTokens }),
        ...(output + outputTokens > 0 && { outputTokens: output + outputTokens }),
        ...(reasoning + reasoningTokens > 0 && { reasoningTokens: reasoning + reasoningTokens }),
        ...(cached + cacheReadTokens > 0 && { cachedInputTokens: cached + cacheReadTokens })
      }
    }
    this.#heard()
  }

  #say (type: 'text' | 'reasoning', text: string): void {
    if (text === '') return
    const bytes = Buffer.from(text)
    if (type === 'text') this.#text.push(bytes)
    this.#give({ type, bytes })
  }

  #tool (part: ToolPart): void {
    this.#tools.set(part.id, part)
    this.#give(part)
  }

  #give (part: Part): void {
    this.#begun = true
    this.push(part)
  }

  #heard (): void {
    this.#verdicts = this.#calls
    this.#onVerdict()
  }

  async #verdict (): Promise<void> {
    await new Promise<void>(resolve => {
      const timer = setTimeout(resolve, VERDICT)
      this.#onVerdict = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  #end (): void {
    this.#ended = true
    this.#finish()
    this.push(null)
  }

  #finish (): void {
    clearTimeout(this.#silence)
    this.#onVerdict()
    this.#over.abort()
  }

  /** The SDK cannot be paused. */
  override _read (): void {}

  override _destroy (error: Error | null, done: (error: Error | null) => void): void {
    this.#finish()
    done(error)
  }
}

function finishReasonOf (reason: string | undefined): FinishReason | null {
  return reason === 'stop' || reason === 'length' || reason === 'content_filter' ? reason : null
}

/**
 * Whether the runtime would silently retry the model call after this failure. It must not: it would wait out a `Retry-After` of
 * minutes without telling the caller, and after the first byte it would write the answer again from the beginning. Only a refused
 * credential (401) is left to the runtime, because it may be able to renew an expired one.
 */
function willBeRetried (statusCode: number | undefined): boolean {
  return statusCode === undefined || statusCode === 429 || statusCode >= 500
}
