/**
 * A client of the gateway for browsers and Node: it asks questions, reads streamed answers, checks that they are whole, and resumes
 * them after a lost connection. No dependencies.
 */
import { type Answer, type AnswerOptions, StreamedAnswer } from './answer.ts'
import { utf8 } from './digest.ts'
import { badReply } from './error.ts'
import { gateway, type GatewayOptions } from './gateway.ts'
import type { ReconnectOptions } from './timing.ts'

export type { Answer, AnswerOptions, AnswerStatus, ChatEvent, Retry } from './answer.ts'
export { ChatError } from './error.ts'
export type { GatewayOptions, HeadersSource } from './gateway.ts'
export type { AnswerPart, FinishReason, ReasoningPart, TextPart, ToolPart, Usage } from './parts.ts'
export type { ReconnectOptions } from './timing.ts'

/** A turn of a conversation. */
export interface ChatMessage {
  readonly role: 'user' | 'assistant'
  readonly content: string
}

/** What to ask; the gateway's limits are in docs/api.md. */
export interface Question {
  readonly prompt: string
  /** Default `explain-only`. */
  readonly mode?: 'explain-only' | 'project-helper' | undefined
  /** One of {@link ChatClient.models}; the service chooses when absent. */
  readonly model?: string | undefined
  /** Text files that the question is about. */
  readonly files?: ReadonlyArray<{ readonly name: string, readonly content: string }> | undefined
  /** How much reasoning the model should do, for models that support the choice. */
  readonly effort?: 'low' | 'medium' | 'high' | undefined
  readonly sessionId?: string | undefined
  /** The conversation so far, oldest first. */
  readonly messages?: readonly ChatMessage[] | undefined
  /** Sends the question with an `Idempotency-Key`, so that question and answer survive lost connections, and reloads with {@link ChatClient.resume}. Default false. */
  readonly resumable?: boolean | undefined
}

/** Where to resume an answer: after the text that the page still has, or, when it has none, after an offset. */
export interface ResumePoint {
  /** How many bytes of the answer are already known, as {@link Answer.bytes} counts them. Default: taken from `position`, or the size of `partial`. */
  readonly after?: number | undefined
  /**
   * The text of all these bytes, as {@link Answer.partial} has it. When its size differs from `after`, the answer is `corrupt`, and no
   * request is sent. With `partial`, or from 0 on, `text` is the whole answer, and its digest is checked. Without it, `text` is the
   * rest, starting with the character that contains the offset, and only the size is checked.
   */
  readonly partial?: string | undefined
  /**
   * The position when the answer has reasoning or tools as well: {@link Answer.position}. Without it, reasoning and tools before
   * the next piece of text may arrive again.
   */
  readonly position?: string | undefined
}

/** A model of the service. */
export interface Model {
  readonly id: string
  readonly name?: string
}

/** The options of {@link createChatClient}. */
export interface ChatClientOptions extends GatewayOptions {
  readonly reconnect?: ReconnectOptions | undefined
}

/** Talks to one gateway. */
export interface ChatClient {
  /**
   * Sends a question at once. Only a resumable question that may have been lost is sent again, under its key. Never throws; errors are
   * reported by the answer.
   */
  ask (question: Question, options?: AnswerOptions): Answer
  /**
   * Resumes a resumable answer. Iterating gives the text after the given point. A `ChatError` of type `not_found` means that the
   * gateway does not have the answer any more, or that it belongs to another caller.
   */
  resume (streamId: string, from?: ResumePoint, options?: AnswerOptions): Answer
  /** The models of the service. Rejects with a `ChatError`. */
  models (options?: { readonly signal?: AbortSignal | undefined }): Promise<Model[]>
}

/** Makes a client of the gateway at `baseUrl`. */
export function createChatClient (options: ChatClientOptions): ChatClient {
  const { reconnect = {} } = options
  const send = gateway(options)
  return {
    ask ({ prompt, mode, model, effort, files, sessionId, messages, resumable }, answerOptions = {}) {
      const key = resumable ? newKey() : undefined
      const question = {
        method: 'POST',
        headers: { Accept: 'text/event-stream', 'Content-Type': 'application/json', ...key && { 'Idempotency-Key': key } },
        body: JSON.stringify({ prompt, mode, model, effort, files, sessionId, messages, resumable })
      }
      return new StreamedAnswer({ send, question, key, reconnect }, answerOptions)
    },

    resume: (streamId, { partial, position, after = position === undefined ? utf8(partial ?? '').length : parseInt(position) } = {}, answerOptions = {}) =>
      new StreamedAnswer({ send, streamId, partial, after, position, reconnect }, answerOptions),

    async models ({ signal } = {}) {
      const response = await send('/api/models', { headers: { Accept: 'application/json' }, ...(signal && { signal }) })
      const { models }: { models?: Model[] } = await response.json().catch(() => null) ?? {}
      if (!Array.isArray(models)) throw badReply('Something that is not the gateway answered', { status: response.status })
      return models
    }
  }
}

/** A key of 128 random bits. `crypto.randomUUID` is not used, because it exists only in secure contexts (https and localhost). */
function newKey (): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), byte => byte.toString(16).padStart(2, '0')).join('')
}
