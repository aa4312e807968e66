import { context, propagation } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { W3CTraceContextPropagator } from '@opentelemetry/core'

/** How many users this process has for what instrumentations look for in globals. */
let users = 0

/**
 * Lets instrumentations in this process know the span that they run within, and pass it on as W3C Trace Context.
 * Returns how to give that up; once its last user has, nothing of it is left.
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
