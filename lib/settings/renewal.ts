import type { Environment } from './collect.ts'
import type { Annotations } from './schema.ts'

/**
 * The secrets that a running gateway takes over, each with the setting that it belongs to. When that setting has changed as well,
 * both wait for a restart: the token of a new service must not be sent to the current one.
 */
const RENEWABLE: Readonly<Record<string, string>> = {
  API_KEYS: 'AUTH_MODE',
  JWT_SECRET: 'AUTH_MODE',
  COPILOT_SERVICE_TOKEN: 'COPILOT_SERVICE_URL'
}

/** The names of settings that differ between the running gateway and what was read again. */
export interface Renewal {
  /** Secrets that can be taken over without a restart. */
  readonly renewed: readonly string[]
  /** Settings whose new value takes effect only after a restart. */
  readonly waiting: readonly string[]
}

/** Compares settings that were read again with the running ones. An absent setting has its default. */
export function compareSettings (running: Environment, read: Environment, settings: Readonly<Record<string, Annotations>>): Renewal {
  const changed = Object.entries(settings).filter(([name, { default: initial = '' }]) => {
    return (running[name] ?? String(initial)) !== (read[name] ?? String(initial))
  }).map(([name]) => name)
  const renewed = changed.filter(name => RENEWABLE[name] !== undefined && !changed.includes(RENEWABLE[name]))
  return { renewed, waiting: changed.filter(name => !renewed.includes(name)) }
}
