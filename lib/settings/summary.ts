import pkg from '../../package.json' with { type: 'json' }
import { serviceUrls, withoutCredentials } from '../copilot/service-urls.ts'
import type { Config } from './schema.ts'

/** A summary of the running gateway without secrets, for the first line of the log and for `gateway_build_info`. */
export interface Summary {
  readonly version: string
  readonly node: string
  /** The mode of authentication; `this machine` when none was chosen. */
  readonly auth: string
  /** The base URLs of the Copilot services without credentials, or `companion`. */
  readonly services: readonly string[]
  /** The limits of the process and of one caller; docs/settings.md has their units. */
  readonly limits: Pick<Config, 'MAX_STREAMS' | 'MAX_STREAMS_PER_CALLER' | 'RATE_LIMIT_MAX' | 'RATE_LIMIT_WINDOW_MS'>
  /** Where recordings and counts are kept. */
  readonly store: 'memory' | 'redis'
  readonly host: string
  /** The configured port; 0 lets the operating system choose a free one. */
  readonly port: number
}

/** Summarizes a gateway with these settings. */
export function summarize ({ AUTH_MODE, COPILOT_SERVICE_URL, HOST, PORT, REDIS_URL, MAX_STREAMS, MAX_STREAMS_PER_CALLER, RATE_LIMIT_MAX, RATE_LIMIT_WINDOW_MS }: Config): Summary {
  return {
    version: pkg.version,
    node: process.version,
    auth: AUTH_MODE || 'this machine',
    services: COPILOT_SERVICE_URL ? serviceUrls(COPILOT_SERVICE_URL).map(withoutCredentials) : ['companion'],
    limits: { MAX_STREAMS, MAX_STREAMS_PER_CALLER, RATE_LIMIT_MAX, RATE_LIMIT_WINDOW_MS },
    store: REDIS_URL ? 'redis' : 'memory',
    host: HOST,
    port: PORT
  }
}

/** Converts a summary into labels of a metric: services comma-separated, each limit under the name of its setting in lower case. */
export function labelsOf ({ services, limits, ...summary }: Summary): Record<string, string> {
  const labels = { ...summary, services: services.join(','), ...limits }
  return Object.fromEntries(Object.entries(labels).map(([name, value]) => [name.toLowerCase(), String(value)]))
}
