import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources'
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { type Loss, TolerantExporter } from './exporter.ts'

/** The service that spans name as their source, unless `OTEL_SERVICE_NAME` or `OTEL_RESOURCE_ATTRIBUTES` name another. */
export interface Service { readonly name: string, readonly version: string }

/**
 * Sets up OpenTelemetry's SDK to send traces by OTLP over HTTP. The SDK reads the `OTEL_*` variables of the specification during
 * this call: endpoint, headers, sampler and service name. `tell` is called for lost spans. The provider's `shutdown` sends the
 * remaining spans, and resolves when they have arrived or are lost.
 */
export function startTelemetry ({ name, version }: Service, tell: (loss: Loss) => void): BasicTracerProvider {
  return new BasicTracerProvider({
    resource: defaultResource()
      .merge(resourceFromAttributes({ 'service.name': name, 'service.version': version }))
      .merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new BatchSpanProcessor(new TolerantExporter(new OTLPTraceExporter(), tell))]
  })
}
