import { type ExportResult, ExportResultCode } from '@opentelemetry/core'
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-base'

/** Spans that did not get to the collector. */
export interface Loss {
  /** How many, since the last time that losses were told. */
  readonly spans: number
  /** What the last try failed with. */
  readonly error: string
}

/** How often losses are told at most, in milliseconds. */
const TELL_EVERY_MS = 60_000

/**
 * An exporter whose failures are told at once, but no more than every so often. Whoever hands it spans learns nothing of
 * them: what is lost is lost, and the SDK would only say so a second time.
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
    // Not the error itself: with it comes the collector's reply, which is anybody's text.
    this.#warn({ spans: this.#spans, error: String(error?.message) })
    this.#spans = 0
  }
}
