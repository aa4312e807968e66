import { type ExportResult, ExportResultCode } from '@opentelemetry/core'
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-base'

/** Spans that did not reach the collector. */
export interface Loss {
  /** How many spans were lost since the last report. */
  readonly spans: number
  /** The message of the last failure. */
  readonly error: string
}

/** The shortest time between two reports, in milliseconds. */
const TELL_EVERY_MS = 60_000

/**
 * An exporter that reports the first failure at once and later ones at most once per interval. To its caller every export succeeds:
 * the spans are lost anyway, and the SDK would only report the failure a second time.
 */
export class TolerantExporter implements SpanExporter {
  readonly #exporter: SpanExporter
  readonly #warn: (loss: Loss) => void
  readonly #tellEvery: number
  #spans = 0
  #tellAgainAt = 0

  /** `tellEvery` is in milliseconds. */
  constructor (exporter: SpanExporter, tell: (loss: Loss) => void, tellEvery = TELL_EVERY_MS) {
    this.#exporter = exporter
    this.#warn = tell
    this.#tellEvery = tellEvery
  }

  export (spans: ReadableSpan[], done: (result: ExportResult) => void): void {
    this.#exporter.export(spans, ({ code, error }) => {
      if (code !== ExportResultCode.SUCCESS) this.#lose(spans.length, error)
      done({ code: ExportResultCode.SUCCESS })
    })
  }

  async shutdown (): Promise<void> {
    await this.#exporter.shutdown()
  }

  #lose (spans: number, error: Error | undefined): void {
    this.#spans += spans
    if (performance.now() < this.#tellAgainAt) return
    this.#tellAgainAt = performance.now() + this.#tellEvery
    // Only the message: the error also holds the collector's reply, which is untrusted text.
    this.#warn({ spans: this.#spans, error: String(error?.message) })
    this.#spans = 0
  }
}
