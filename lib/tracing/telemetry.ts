import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources'
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { type Loss, TolerantExporter } from './exporter.ts'

/** What spans say of the service that makes them, unless `OTEL_SERVICE_NAME` or `OTEL_RESOURCE_ATTRIBUTES` do. */
export interface Service { readonly name: string, readonly version: string }

/**
 * Sets OpenTelemetry's SDK up for traces by OTLP over HTTP. How, it reads from the process's environment during this call:
 * where to and with which headers, which traces, how the service is called (the `OTEL_*` variables of the specification).
 * `tell` hears of spans that are lost. The provider's `shutdown` sends what is left, and resolves when that is there or lost.
 */
export function startTelemetry ({ name, version }: Service, tell: (loss: Loss) => void): BasicTracerProvider {
  return new BasicTracerProvider({
    resource: defaultResource()
      .merge(resourceFromAttributes({ 'service.name': name, 'service.version': version }))
      .merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new BatchSpanProcessor(new TolerantExporter(new OTLPTraceExporter(), tell))]
  })
}
