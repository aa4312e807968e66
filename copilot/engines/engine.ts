import type { PartsAnswer } from '../../lib/answer/answer.ts'
import type { AttachedFile } from '../../lib/chat-request.ts'

/** How far an answer may go: `explain-only` explains, `project-helper` helps with a project. */
export type Mode = 'explain-only' | 'project-helper'

/** How much reasoning a model may do before it answers, for models that support the choice. */
export type Effort = 'low' | 'medium' | 'high'

/** An earlier turn of a conversation. */
export interface Message {
  readonly role: 'user' | 'assistant'
  readonly content: string
}

/** A conversation as separate turns, which the gateway sends in addition to the folded prompt. */
export interface Conversation {
  /** The id of the conversation, unique among all callers. Without it no session is kept for the conversation. */
  readonly id?: string
  /** Instructions for the model, before all turns. */
  readonly instructions?: string
  /** The turns before the latest question, oldest first. When empty, the conversation continues in its kept session, if there is one. */
  readonly messages: readonly Message[]
  /** The latest question. */
  readonly prompt: string
  /** Text files that the question is about; the folded prompt has them already. */
  readonly files?: readonly AttachedFile[]
}

/** A request for an answer. */
export interface AnswerRequest {
  /** The question with the whole conversation folded into one text. */
  readonly prompt: string
  readonly mode: Mode
  /** The model to use. Without it: the configured model, or the engine's own choice. */
  readonly model?: string
  readonly effort?: Effort
  /** The same question with its conversation as separate turns. */
  readonly conversation?: Conversation
}

/** A model that can be asked for by its `id`. */
export interface Model {
  readonly id: string
  readonly name?: string
  /** Whether the model supports a choice of reasoning effort. */
  readonly reasoning?: boolean
  /** How much text a conversation with the model may have, in tokens. */
  readonly contextTokens?: number
}

/**
 * An answer in progress. The stream `parts` may fail with a `CopilotError` at any time. Destroying `parts` cancels the answer: the
 * engine stops all work for it at once.
 */
export interface EngineAnswer extends Pick<PartsAnswer, 'parts' | 'ending'> {
  /** Resolves when earlier turns of the conversation are over. Absent when the answer does not have to wait for one. */
  readonly queued?: Promise<void>
}

/** The part of the service that writes answers: the Copilot SDK or the demo. */
export interface Engine {
  /** Resolves when the engine has tried to load its modules, successfully or not. Absent when it loads none. */
  readonly loaded?: Promise<unknown>
  /** Answers one request, part by part as it is written. */
  answer (request: AnswerRequest): EngineAnswer

  /** The available models. Rejects with a `CopilotError`. */
  models (): Promise<Model[]>

  /** The name and state of this engine for `GET /health`: plain values without secrets. */
  health (): { engine: string } & Record<string, string | number>

  /** Ends processes and timers, and removes files. Answers in flight fail. */
  close (): Promise<void>
}
