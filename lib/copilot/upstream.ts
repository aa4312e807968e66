import type { Answer } from '../answer/answer.ts'
import type { CopilotPrompt } from './prompt.ts'

/** A model that a Copilot service offers. */
export interface Model {
  readonly id: string
  readonly name?: string
}

/** What belongs to one call and not to the upstream. */
export interface Call {
  /** Aborts the request in every phase; its reason is what the call rejects with. */
  readonly signal: AbortSignal
  /** Headers that go along, such as `x-request-id` and `traceparent`. */
  readonly headers: Readonly<Record<string, string>>
}

/** What is known of an upstream from the calls so far. */
export interface UpstreamHealth {
  readonly state: 'unknown' | 'up' | 'down'
  /** When the state began, ISO 8601; absent while unknown. */
  readonly since?: string
  /** Why it is down: an errorType of the error contract. */
  readonly errorType?: string
}

/** The sockets to a service, by what they do. */
export interface Sockets {
  readonly connected: number
  readonly free: number
  readonly running: number
}

/** What is known of one Copilot service. */
export interface ServiceStatus extends UpstreamHealth {
  /** Its configured URL, without credentials. */
  readonly url: string
  /** How many of its answers are in flight, those included that have not begun. */
  readonly inFlight: number
  readonly sockets: Sockets
}

/** Where answers are from: a Copilot service, or several that are asked as if they were one. */
export interface Upstream {
  /** What is known from the calls so far; no call is made to find out. */
  readonly health: UpstreamHealth
  /** The same of each service, in the order of the settings. */
  readonly services: readonly ServiceStatus[]
  readonly sockets: Sockets

  /**
   * Asks for an answer and resolves when its first byte is there. `call.signal` aborts the service's work in every phase.
   * Rejects with a `GatewayError` or a `ReportedError` (lib/errors.ts) that says what to tell the client, or with the reason
   * of `call.signal`.
   */
  answer (prompt: CopilotPrompt, call: Call): Promise<Answer>

  /** Lists the models that there are; none when no service knows the question. Rejects as {@link answer} does. */
  models (call: Call): Promise<Model[]>

  /** Has each service asked with another token from the next request on; empty: with none. */
  renewToken (token: string): void

  /** Closes every connection at once; calls under way reject. */
  close (): Promise<void>
}
