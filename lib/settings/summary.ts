import pkg from '../../package.json' with { type: 'json' }
import { serviceUrls, withoutCredentials } from '../copilot/service-urls.ts'
import type { Config } from './schema.ts'

/** What runs here, in a few words, without a secret: for the first line of the log and for `gateway_build_info`. */
export interface Summary {
  readonly version: string
  readonly node: string
  /** The mode of authentication; `this machine` when none was chosen. */
  readonly auth: string
  /** Where answers are from: base URLs without credentials, or `companion`. */
  readonly services: readonly string[]
  /** What the process, and one caller, may take; see docs/settings.md for the units. */
  readonly limits: Pick<Config, 'MAX_STREAMS' | 'MAX_STREAMS_PER_CALLER' | 'RATE_LIMIT_MAX' | 'RATE_LIMIT_WINDOW_MS'>
  /** Where recordings and counts are kept. */
  readonly store: 'memory'
  readonly host: string
  /** The configured port; 0 is a free one. */
  readonly port: number
}

/** Says what a gateway with these settings is. */
export function summarize ({ AUTH_MODE, COPILOT_SERVICE_URL, HOST, PORT, MAX_STREAMS, MAX_STREAMS_PER_CALLER, RATE_LIMIT_MAX, RATE_LIMIT_WINDOW_MS }: Config): Summary {
  return {
    version: pkg.version,
    node: process.version,
    auth: AUTH_MODE || 'this machine',
    services: COPILOT_SERVICE_URL ? serviceUrls(COPILOT_SERVICE_URL).map(withoutCredentials) : ['companion'],
    limits: { MAX_STREAMS, MAX_STREAMS_PER_CALLER, RATE_LIMIT_MAX, RATE_LIMIT_WINDOW_MS },
    store: 'memory',
    host: HOST,
    port: PORT
  }
}

/** The same as labels of a metric: services comma-separated, each limit by the name of its setting in lower case. */
export function labelsOf ({ services, limits, ...summary }: Summary): Record<string, string> {
  const labels = { ...summary, services: services.join(','), ...limits }
  return Object.fromEntries(Object.entries(labels).map(([name, value]) => [name.toLowerCase(), String(value)]))
}
