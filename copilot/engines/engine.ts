import type { PartsAnswer } from '../../lib/answer/answer.ts'

/** How far an answer may go: `explain-only` explains, `project-helper` helps with a project. */
export type Mode = 'explain-only' | 'project-helper'

/** How much a model may think before it answers, for models that know it. */
export type Effort = 'low' | 'medium' | 'high'

/** An earlier turn of a conversation. */
export interface Message {
  readonly role: 'user' | 'assistant'
  readonly content: string
}

/** A conversation with its turns apart, as the gateway sends it beside the folded prompt. */
export interface Conversation {
  /** Names the conversation of one caller; absent: nothing is to be kept of it. */
  readonly id?: string
  /** What the model is told before all turns. */
  readonly instructions?: string
  /** The turns before the latest question, oldest first. None: it goes on where it was, as far as that is known. */
  readonly messages: readonly Message[]
  /** The latest question. */
  readonly prompt: string
}

/** What a caller asks for. */
export interface AnswerRequest {
  /** The question, with the whole conversation folded into it. */
  readonly prompt: string
  readonly mode: Mode
  /** The model to use; absent: the configured one, or the engine's own choice. */
  readonly model?: string
  readonly effort?: Effort
  /** The same question with its conversation unfolded. */
  readonly conversation?: Conversation
}

/** A model that can be asked for by its `id`. */
export interface Model {
  readonly id: string
  readonly name?: string
}

/**
 * An answer while it is written. `parts` fails with a `CopilotError`, at any time. Destroying it gives the answer up: the
 * engine drops all work for it at once.
 */
export interface EngineAnswer extends Pick<PartsAnswer, 'parts' | 'ending'> {
  /** Of an answer that has to wait for an earlier turn of its conversation: resolves when it waits no more. */
  readonly queued?: Promise<void>
}

/** What writes the answers. */
export interface Engine {
  /** Resolves when nothing has to be loaded any more, whether it could be or not; absent when nothing has to be. */
  readonly loaded?: Promise<unknown>
  /** Answers one request, part by part as it is written. */
  answer (request: AnswerRequest): EngineAnswer

  /** The models that can be asked for. Rejects with a `CopilotError`. */
  models (): Promise<Model[]>

  /** What this engine is and how it is, for `GET /health`; plain values, no secrets. */
  health (): { engine: string } & Record<string, string | number>

  /** Gives everything back: processes, timers, files. Answers in flight fail. */
  close (): Promise<void>
}
