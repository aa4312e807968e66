import { collectDefaultMetrics, Registry } from 'prom-client'

/** Gauges under the names of counters, which Prometheus' linter refuses. The same is in `nodejs_active_*`, by type. */
const MISNAMED = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total']

let metrics: Registry | undefined

/** The metrics of this process: one set of observers, however many gateways are in it. They are at work from the first call on. */
export function processMetrics (): Registry {
  if (!metrics) {
    metrics = new Registry()
    collectDefaultMetrics({ register: metrics })
    for (const name of MISNAMED) metrics.removeSingleMetric(name)
  }
  return metrics
}
