import { context, propagation } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { W3CTraceContextPropagator } from '@opentelemetry/core'

/** How many gateways in this process use OpenTelemetry's global context manager and propagator. */
let users = 0

/**
 * Registers the global context manager and propagator, so that instrumentations in this process find the active span and pass
 * it on as W3C Trace Context. Returns a function that undoes this; the globals are removed when the last user has called it.
 */
export function joinAmbient (): () => void {
  if (users++ === 0) {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager())
    propagation.setGlobalPropagator(new W3CTraceContextPropagator())
  }
  return () => {
    if (--users > 0) return
    context.disable()
    propagation.disable()
  }
}
