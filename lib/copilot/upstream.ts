import type { Answer } from '../answer/answer.ts'
import type { CopilotPrompt } from './prompt.ts'

/** A model that a Copilot service offers. */
export interface Model {
  readonly id: string
  readonly name?: string
}

/** The options of a single call. */
export interface Call {
  /** Aborts the request in every phase; its reason is what the call rejects with. */
  readonly signal: AbortSignal
  /** Headers that are sent along, such as `x-request-id` and `traceparent`. */
  readonly headers: Readonly<Record<string, string>>
  /** What of that is nobody's business: it is taken out of what the service says of a failure. */
  readonly secrets?: readonly string[]
}

/** The health of an upstream, as the calls so far have shown it. */
export interface UpstreamHealth {
  readonly state: 'unknown' | 'up' | 'down'
  /** When the state began, ISO 8601; absent while unknown. */
  readonly since?: string
  /** Why it is down: an errorType of the error contract. */
  readonly errorType?: string
}

/** The number of sockets to a service, by state. */
export interface Sockets {
  readonly connected: number
  readonly free: number
  readonly running: number
}

/** The status of one Copilot service. */
export interface ServiceStatus extends UpstreamHealth {
  /** Its configured URL, without credentials. */
  readonly url: string
  /** How many of its answers are in flight, those included that have not begun. */
  readonly inFlight: number
  readonly sockets: Sockets
}

/** The source of answers: one Copilot service, or several that are used like one. */
export interface Upstream {
  /** The health, as the calls so far have shown it. Reading it makes no call. */
  readonly health: UpstreamHealth
  /** The status of each service, in the order of the settings. */
  readonly services: readonly ServiceStatus[]
  readonly sockets: Sockets

  /**
   * Asks for an answer and resolves when its first byte has arrived. `call.signal` aborts the service's work in every phase.
   * Rejects with a `GatewayError` or a `ReportedError` (lib/errors.ts), which the client can be told, or with the reason of
   * `call.signal`.
   */
  answer (prompt: CopilotPrompt, call: Call): Promise<Answer>

  /** Lists the available models; empty when no service has an endpoint for it. Rejects as {@link answer} does. */
  models (call: Call): Promise<Model[]>

  /** Replaces the token that is sent to each service, from the next request on; empty: none is sent. */
  renewToken (token: string): void

  /** Closes every connection at once. Calls under way reject. */
  close (): Promise<void>
}
