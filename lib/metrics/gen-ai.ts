import { Histogram, type Registry } from 'prom-client'
import type { Story } from '../answer/story.ts'

/** What every series says: that a model of GitHub Copilot was asked in a chat, as the spans of answers do. */
const ASKED = { gen_ai_operation_name: 'chat', gen_ai_provider_name: 'github' }
const LABELS = [...Object.keys(ASKED), 'gen_ai_response_model']

/**
 * OpenTelemetry's metrics for generative AI by their Prometheus names. Names, labels and buckets are those of the semantic
 * conventions (semantic-conventions-genai, docs/gen-ai/gen-ai-metrics.md, in development).
 */
export class GenAiMetrics {
  readonly #firstToken: Histogram
  readonly #perToken: Histogram
  readonly #tokens: Histogram

  constructor (registers: Registry[]) {
    this.#firstToken = new Histogram({
      name: 'gen_ai_server_time_to_first_token_seconds',
      help: 'Seconds from the request to the first byte of an answer that was streamed.',
      labelNames: LABELS,
      buckets: [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
      registers
    })
    this.#perToken = new Histogram({
      name: 'gen_ai_server_time_per_output_token_seconds',
      help: 'Seconds for each token of a streamed answer after the first.',
      labelNames: LABELS,
      buckets: [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5],
      registers
    })
    this.#tokens = new Histogram({
      name: 'gen_ai_client_token_usage',
      help: 'Tokens of an answer, by type.',
      labelNames: [...LABELS, 'gen_ai_token_type'],
      buckets: [1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864],
      registers
    })
  }

  /** Counts a finished answer. `model` is the label value of the model that answered. */
  answer ({ answer, ending, firstByteAfter, duration }: Story, model: string): void {
    const labels = { ...ASKED, gen_ai_response_model: model }
    const { inputTokens, outputTokens } = ending?.usage ?? {}
    if (inputTokens !== undefined) this.#tokens.observe({ ...labels, gen_ai_token_type: 'input' }, inputTokens)
    if (outputTokens !== undefined) this.#tokens.observe({ ...labels, gen_ai_token_type: 'output' }, outputTokens)
    if (answer?.delivery !== 'stream' || firstByteAfter === null) return
    this.#firstToken.observe(labels, firstByteAfter / 1000)
    if (outputTokens !== undefined && outputTokens > 1) this.#perToken.observe(labels, (duration - firstByteAfter) / 1000 / (outputTokens - 1))
  }
}
