/** How far an answer may go: `explain-only` explains, `project-helper` helps with a project. Neither can touch the host. */
export type Mode = 'explain-only' | 'project-helper'

/** What a caller asks for. */
export interface AnswerRequest {
  prompt: string
  mode: Mode
  /** The model to use; the configured one, or the engine's own choice, when left out. */
  model?: string
}

/** A model that can be asked for by its `id`. */
export interface Model {
  id: string
  name?: string
}

/** What writes the answers. */
export interface Engine {
  /**
   * Answers one request, piece by piece as the text is written.
   *
   * The iteration rejects with a `CopilotError` when the answer fails, at any time. When `signal` aborts, the engine drops all
   * work for the request at once, even while nobody iterates, and the iteration ends; what it gave so far is not a whole answer.
   */
  answer (request: AnswerRequest, options: { signal: AbortSignal }): AsyncIterable<string>

  /** The models that can be asked for. Rejects with a `CopilotError`. */
  models (): Promise<Model[]>

  /** What this engine is and how it is, for `GET /health`; plain values, no secrets. */
  health (): { engine: string } & Record<string, string>

  /** Gives everything back: processes, timers, files. Answers in flight fail. */
  close (): Promise<void>
}
