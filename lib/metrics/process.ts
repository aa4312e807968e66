import { collectDefaultMetrics, Registry } from 'prom-client'

/** Gauges whose names end like counters, which Prometheus' linter refuses. `nodejs_active_*` reports the same numbers by type. */
const MISNAMED = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total']

let metrics: Registry | undefined

/** The metrics of this process: one set of observers for all gateways in it. They start with the first call. */
export function processMetrics (): Registry {
  if (!metrics) {
    metrics = new Registry()
    collectDefaultMetrics({ register: metrics })
    for (const name of MISNAMED) metrics.removeSingleMetric(name)
  }
  return metrics
}
