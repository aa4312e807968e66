/**
 * A client of the gateway for browsers and Node: asks, reads answers as they are written, checks them, and finds its way
 * back to resumable ones. No dependencies.
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
  /** How much the model shall think, where it knows such a thing. */
  readonly effort?: 'low' | 'medium' | 'high' | undefined
  readonly sessionId?: string | undefined
  /** The conversation so far, oldest first. */
  readonly messages?: readonly ChatMessage[] | undefined
  /** Makes the question, under an `Idempotency-Key`, and its answer survive lost connections, and reloads by {@link ChatClient.resume}. Default false. */
  readonly resumable?: boolean | undefined
}

/** Where to go on in an answer: behind what the page still has of it, or, when it has nothing, behind an offset. */
export interface ResumePoint {
  /** How many bytes of the answer are known, as {@link Answer.bytes} counts them. Default: what `position` says, or as many as `partial` has. */
  readonly after?: number | undefined
  /**
   * What these bytes are, all of them, as {@link Answer.partial} has them; else the answer is `corrupt`, and nothing is asked for.
   * With it (or from 0 on) `text` is the whole answer, and its digest is checked; without it `text` is the rest, from the character
   * on that the place is in, and only the size is.
   */
  readonly partial?: string | undefined
  /**
   * Where that is when reasoning or tools were told as well: {@link Answer.position}. Without it, those that came before the
   * next piece of text may be told again.
   */
  readonly position?: string | undefined
}

/** A model of the service. */
export interface Model {
  readonly id: string
  readonly name?: string
}

/** What a client is made of. */
export interface ChatClientOptions extends GatewayOptions {
  readonly reconnect?: ReconnectOptions | undefined
}

/** Talks to one gateway. */
export interface ChatClient {
  /**
   * Asks, at once and once: only a resumable question that may have been lost is sent again, under its key. Never throws; what goes
   * wrong is told by the answer.
   */
  ask (question: Question, options?: AnswerOptions): Answer
  /**
   * Reads a resumable answer on. Iterating gives what comes behind the given point. A `ChatError` of type `not_found` says
   * that the gateway has forgotten it, or that it is somebody else's.
   */
  resume (streamId: string, from?: ResumePoint, options?: AnswerOptions): Answer
  /** What the service can answer with. Rejects with a `ChatError`. */
  models (options?: { readonly signal?: AbortSignal | undefined }): Promise<Model[]>
}

/** Makes a client of the gateway at `baseUrl`. */
export function createChatClient (options: ChatClientOptions): ChatClient {
  const { reconnect = {} } = options
  const send = gateway(options)
  return {
    ask ({ prompt, mode, model, effort, sessionId, messages, resumable }, answerOptions = {}) {
      const key = resumable ? newKey() : undefined
      const question = {
        method: 'POST',
        headers: { Accept: 'text/event-stream', 'Content-Type': 'application/json', ...key && { 'Idempotency-Key': key } },
        body: JSON.stringify({ prompt, mode, model, effort, sessionId, messages, resumable })
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

/** 128 random bits. `randomUUID` would be for pages of https and of this machine alone. */
function newKey (): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), byte => byte.toString(16).padStart(2, '0')).join('')
}
