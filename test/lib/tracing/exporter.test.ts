import { type ExportResult, ExportResultCode } from '@opentelemetry/core'
import { InMemorySpanExporter, type ReadableSpan } from '@opentelemetry/sdk-trace-base'
import { test } from 'tap'
import { type Loss, TolerantExporter } from '../../../lib/tracing/exporter.ts'

/** Exports as it is told to. */
class Scripted extends InMemorySpanExporter {
  result: ExportResult = { code: ExportResultCode.SUCCESS }

  override export (_spans: ReadableSpan[], done: (result: ExportResult) => void): void {
    done(this.result)
  }
}

const failed = (message: string): ExportResult => ({ code: ExportResultCode.FAILED, error: new Error(message) })

function exporting (tellEvery?: number): { losses: Loss[], exports: (spans: number, result?: ExportResult) => number } {
  const losses: Loss[] = []
  const scripted = new Scripted()
  const exporter = new TolerantExporter(scripted, loss => losses.push(loss), tellEvery)
  return {
    losses,
    exports (spans, result = { code: ExportResultCode.SUCCESS }) {
      scripted.result = result
      let code = -1
      exporter.export(new Array<ReadableSpan>(spans), result => { code = result.code })
      return code
    }
  }
}

test('losses are told at once, and then not for a while; to the SDK there are none', async t => {
  const { losses, exports } = exporting()
  t.equal(exports(5), ExportResultCode.SUCCESS)
  for (const message of ['first', 'second', 'third']) t.equal(exports(2, failed(message)), ExportResultCode.SUCCESS)
  t.strictSame(losses, [{ spans: 2, error: 'first' }])
})

test('each time with what was lost since the time before', async t => {
  const { losses, exports } = exporting(0)
  for (const message of ['first', 'second']) exports(2, failed(message))
  t.strictSame(losses, [{ spans: 2, error: 'first' }, { spans: 2, error: 'second' }])
})
