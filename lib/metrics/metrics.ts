import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Fallback, Usage } from '../answer/answer.ts'
import { PROTOCOLS, type ProtocolName } from '../answer/exchange.ts'
import type { Story } from '../answer/story.ts'
import { type Ended, ENDS, errorTypesOf, isErrorType, type MappedError } from '../errors.ts'
import { BoundedLabels, UNKNOWN } from './bounded-labels.ts'
import { GenAiMetrics } from './gen-ai.ts'
import { processMetrics } from './process.ts'

/** Values that the metrics report besides their own counts. The functions are called at each scrape. */
export interface Sources {
  /** The labels of `gateway_build_info`. */
  readonly build: Readonly<Record<string, string>>
  /** The limits that are in force, by the names of their settings. */
  readonly limits: Readonly<Record<string, number>>
  /** How many answers are in flight. */
  inFlight (): number
  /** Whether the store that is shared by several gateways can be used; absent where there is none. */
  readonly storeUp?: () => boolean
  /** The Copilot services: their URLs without credentials, and their connections, idle (`free`) and with a request (`running`). */
  services (): ReadonlyArray<{ readonly url: string, readonly state: string, readonly sockets: { readonly free: number, readonly running: number } }>
}

/** The upper bounds, in seconds, for the times until a first byte. */
const FIRST_BYTE_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60]

/** How many models, and how many callers, have a label value of their own. */
const MAX_MODELS = 20
const MAX_CALLERS = 1_000

/** The label value for something that does not apply. */
const NONE = 'none'

/** The label of a service; of an answer that came from none, too. */
function named (upstream: string | undefined): string {
  return upstream ?? NONE
}

const FALLBACKS = ['not_supported', 'remembered', 'empty'] satisfies Fallback[]

/** The outcomes of replies that mean a failure of the Copilot service. */
const UPSTREAM_ENDS: readonly Ended[] = ['upstream_failed', 'timeout', 'idle_timeout']
/** Includes `invalid_request`, because the service may refuse a request as well. */
const UPSTREAM_ERRORS = [...errorTypesOf(...UPSTREAM_ENDS), 'invalid_request', 'other']
/** Includes `draining` and `store_unavailable`, which may also cut an answer in progress. */
const REFUSALS = [...errorTypesOf('complete').filter(errorType => errorType !== 'internal'), 'draining', 'store_unavailable']

/** Everything that a gateway counts. Label values come from fixed lists, and the number of model names is limited, so that the number of series is bounded. */
export class Metrics {
  readonly #registry = new Registry()
  readonly #registers = [this.#registry]

  readonly #requests = new Counter({
    name: 'gateway_requests_total',
    help: 'Replies that are over, by route and status.',
    labelNames: ['route', 'status'],
    registers: this.#registers
  })

  readonly #answers = new Counter({
    name: 'gateway_answers_total',
    help: 'Answers that are over, by how they came, how they were told, how they ended, and which service they are from.',
    labelNames: ['delivery', 'protocol', 'ended', 'upstream'],
    registers: this.#registers
  })

  readonly #firstByte = new Histogram({
    name: 'gateway_first_byte_seconds',
    help: 'Seconds from the request to the first byte of the answer.',
    buckets: FIRST_BYTE_BUCKETS,
    registers: this.#registers
  })

  readonly #left = new Histogram({
    name: 'gateway_left_before_first_byte_seconds',
    help: 'Seconds from the request until its reader left without a byte of the answer.',
    buckets: FIRST_BYTE_BUCKETS,
    registers: this.#registers
  })

  readonly #duration = new Histogram({
    name: 'gateway_answer_seconds',
    help: 'Seconds from the request to the end of an answer that had begun.',
    buckets: [0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600],
    registers: this.#registers
  })

  readonly #bytes = new Counter({
    name: 'gateway_answer_bytes_total',
    help: 'Bytes written to clients for answers, headers and framing included.',
    registers: this.#registers
  })

  readonly #fallbacks = new Counter({
    name: 'gateway_fallbacks_total',
    help: 'Answers that came buffered, by why they were not streamed.',
    labelNames: ['reason'],
    registers: this.#registers
  })

  readonly #tokens = new Counter({
    name: 'gateway_tokens_total',
    help: 'Tokens of answers, as far as the Copilot service says, by kind and model.',
    labelNames: ['kind', 'model'],
    registers: this.#registers
  })

  readonly #callerTokens = new Counter({
    name: 'gateway_caller_tokens_total',
    help: 'Tokens of answers, by kind and caller, where METRICS_CALLERS allows it.',
    labelNames: ['kind', 'caller'],
    registers: this.#registers
  })

  readonly #models = new BoundedLabels(MAX_MODELS)
  readonly #callers = new BoundedLabels(MAX_CALLERS)
  readonly #genAi = new GenAiMetrics(this.#registers)

  readonly #upstreamErrors = new Counter({
    name: 'gateway_upstream_errors_total',
    help: 'Failures of the Copilot services, by kind and service.',
    labelNames: ['error_type', 'upstream'],
    registers: this.#registers
  })

  readonly #refused = new Counter({
    name: 'gateway_refused_total',
    help: 'Requests that the gateway itself refused, by why.',
    labelNames: ['reason'],
    registers: this.#registers
  })

  constructor ({ build, limits, inFlight, services, storeUp }: Sources) {
    const info = new Gauge({ name: 'gateway_build_info', help: 'What runs here; always 1.', labelNames: Object.keys(build), registers: this.#registers })
    info.set(build, 1)
    const limit = new Gauge({ name: 'gateway_limit', help: 'The limits that are in force, by setting.', labelNames: ['setting'], registers: this.#registers })
    for (const [setting, value] of Object.entries(limits)) limit.set({ setting }, value)
    this.#registry.registerMetric(new Gauge({
      name: 'gateway_answers_in_flight',
      help: 'Answers in flight.',
      registers: [],
      collect () { this.set(inFlight()) }
    }))
    this.#registry.registerMetric(new Gauge({
      name: 'gateway_upstream_sockets',
      help: 'Open connections to the Copilot services, by what they do and service.',
      labelNames: ['state', 'upstream'],
      registers: [],
      collect () {
        for (const { url: upstream, sockets: { free, running } } of services()) {
          this.set({ state: 'free', upstream }, free)
          this.set({ state: 'running', upstream }, running)
        }
      }
    }))
    this.#registry.registerMetric(new Gauge({
      name: 'gateway_upstream_up',
      help: 'Whether a Copilot service answers, by what the last question found out: 0 when it does not, or is left out.',
      labelNames: ['upstream'],
      registers: [],
      collect () {
        for (const { url: upstream, state } of services()) this.set({ upstream }, state === 'down' ? 0 : 1)
      }
    }))
    if (storeUp) {
      this.#registry.registerMetric(new Gauge({
        name: 'gateway_store_up',
        help: 'Whether the Redis that gateways share answers and takes writes.',
        registers: [],
        collect () { this.set(storeUp() ? 1 : 0) }
      }))
    }
    this.#beginAtZero()
    processMetrics()
  }

  /** Counts a finished reply. Without `route` no route matched the request; without `status` the connection ended before a reply was sent. */
  reply (route: string | undefined, status: number | undefined): void {
    this.#requests.inc({ route: route ?? 'unknown', status: status ?? 'none' })
  }

  /** Counts a request that the gateway itself refused. */
  refusal ({ errorType }: MappedError): void {
    if (REFUSALS.includes(errorType)) this.#refused.inc({ reason: errorType })
  }

  /** Counts a failure of a Copilot service: of the one that it comes from, unless another one is named; ignores other failures. */
  failure ({ errorType, ended, source }: MappedError, upstream = source?.url): void {
    if (UPSTREAM_ENDS.includes(ended)) this.#upstreamErrors.inc({ error_type: isErrorType(errorType) ? errorType : 'other', upstream: named(upstream) })
  }

  /** Counts a finished answer, and its failure if there was one. `caller` is who asked, where callers may be named. */
  answer (story: Story, protocol: ProtocolName, caller?: string): void {
    const { answer, ending, firstByteAfter, duration, ended, failure, upstream } = story
    const model = this.#models.labelOf(ending?.model ?? answer?.model)
    this.#answers.inc({ delivery: answer?.delivery ?? NONE, protocol, ended: String(ended), upstream: named(upstream) })
    if (firstByteAfter !== null) {
      this.#firstByte.observe(firstByteAfter / 1000)
      this.#duration.observe(duration / 1000)
    }
    if (answer?.fallback) this.#fallbacks.inc({ reason: answer.fallback })
    if (failure) this.failure(failure, upstream)
    if (ending?.usage) {
      this.#usage(this.#tokens, ending.usage, { model })
      if (caller !== undefined) this.#usage(this.#callerTokens, ending.usage, { caller: this.#callers.labelOf(caller) })
    }
    this.#genAi.answer(story, model)
  }

  /** Counts a reader that left before the first byte of the answer, `duration` milliseconds after its request. */
  left (duration: number): void {
    this.#left.observe(duration / 1000)
  }

  /** Counts bytes that were written for answers. */
  bytes (count: number): void {
    this.#bytes.inc(count)
  }

  /** All metrics, including those of the process, in the text format of Prometheus; {@link contentType} is its media type. */
  async text (): Promise<string> {
    return await this.#registry.metrics() + await processMetrics().metrics()
  }

  get contentType (): string { return this.#registry.contentType }

  #usage (counter: Counter, { inputTokens = 0, outputTokens = 0, reasoningTokens = 0, cachedInputTokens = 0 }: Usage, labels: Readonly<Record<string, string>>): void {
    counter.inc({ kind: 'input', ...labels }, inputTokens)
    counter.inc({ kind: 'output', ...labels }, outputTokens)
    counter.inc({ kind: 'reasoning', ...labels }, reasoningTokens)
    counter.inc({ kind: 'cached_input', ...labels }, cachedInputTokens)
  }

  /** Says which services there are, by their URLs, before anything is counted of them. */
  expect (upstreams: readonly string[]): void {
    for (const upstream of upstreams) {
      this.#answersAtZero(['stream', 'buffered', NONE], upstream)
      for (const errorType of UPSTREAM_ERRORS) this.#upstreamErrors.inc({ error_type: errorType, upstream }, 0)
    }
  }

  #answersAtZero (deliveries: readonly string[], upstream: string): void {
    for (const delivery of deliveries) {
      for (const protocol of PROTOCOLS) {
        for (const ended of ENDS) this.#answers.inc({ delivery, protocol, ended, upstream }, 0)
      }
    }
  }

  /** From nothing to one is an increase only when there was a nothing before. */
  #beginAtZero (): void {
    this.#answersAtZero([NONE], NONE)
    this.#usage(this.#tokens, {}, { model: UNKNOWN })
    for (const reason of FALLBACKS) this.#fallbacks.inc({ reason }, 0)
    for (const reason of REFUSALS) this.#refused.inc({ reason }, 0)
  }
}
