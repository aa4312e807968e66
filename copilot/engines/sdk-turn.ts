import type { SessionEvent } from '@github/copilot-sdk'
import { Readable } from 'node:stream'
import type { Ending, FinishReason, Part, ToolPart, Usage } from '../../lib/answer/answer.ts'
import { CopilotError } from '../errors.ts'
import { modelCallMessage, type SdkFailure } from './sdk-errors.ts'

type UsageData = Extract<SessionEvent, { type: 'assistant.usage' }>['data']

/** How long the session may be silent once the model is through, before its answer ends without another word, in milliseconds. */
const SILENCE = 2_000
/** How long a further call to the model waits to hear how the last one ended, in milliseconds. */
const VERDICT = 1_000
/** How often one answer may ask the model: once, and again after each round of tools. */
const MAX_CALLS = 30

/**
 * One turn of a session: its events, told as the parts of an answer. It ends by whichever event comes first that says so,
 * because the SDK promises none of them. Destroying it gives the turn up.
 */
export class Turn extends Readable {
  /** Aborts when the turn is over: ended, failed or given up. */
  readonly over: AbortSignal
  /** Resolves when {@link over} aborts. */
  readonly whenOver: Promise<void>
  readonly #over = new AbortController()
  readonly #toError: (failure: SdkFailure) => CopilotError
  readonly #tools = new Map<string, ToolPart>()
  #usage: Usage | undefined
  #model: string | undefined
  /** How the last call to the model ended, as far as that is known. */
  #finishReason: FinishReason | null | undefined
  /** The model waits for what its tools have to say. */
  #wantsTools = false
  #loopEnded = false
  #begun = false
  #ended = false
  readonly #text: Buffer[] = []
  /** Whether the model's reply came as a stream. Only one that did not has its text in `assistant.message` alone. */
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
   * Whether the model may be asked now. The runtime asks again by itself when an answer was broken off or filtered, and what
   * it gets would be joined to the answer unseen.
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

  /** Takes note of the form in which the model replies. */
  replied (streamed: boolean): void {
    this.#streamed = streamed
  }

  /** Ends the turn as failed. */
  fail (failure: SdkFailure): void {
    this.destroy(this.#toError(failure))
  }

  /** Takes one event of the session. */
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

  /** The model has said how its answer ended, and waits for nothing. */
  get #isThrough (): boolean {
    return this.#isBrokenOff || (this.#finishReason !== undefined && !this.#wantsTools)
  }

  /**
   * The numbers of a call come by a way of their own and may overtake its last words: only the end of the loop says that
   * everything was told. After a reply without a word an error follows that says so.
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
    // The runtime says zero for what the model did not report. Every call of a turn has its price.
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
 * Whether the runtime would silently ask the model again after this failure. It must not: it honours a `Retry-After` of
 * minutes while the caller hears nothing, and after the first byte it would write the answer again from its beginning. Only a
 * refused credential (401) is left to it, because it may hold one that just ran out and can be renewed.
 */
function willBeRetried (statusCode: number | undefined): boolean {
  return statusCode === undefined || statusCode === 429 || statusCode >= 500
}
