import type { Environment } from './collect.ts'
import type { Annotations } from './schema.ts'

/**
 * The secrets that a running gateway takes over, each with the setting that says what it is a secret of. When that one has changed,
 * both wait for a restart: a token of the next service is not for the present one.
 */
const RENEWABLE: Readonly<Record<string, string>> = {
  API_KEYS: 'AUTH_MODE',
  JWT_SECRET: 'AUTH_MODE',
  COPILOT_SERVICE_TOKEN: 'COPILOT_SERVICE_URL'
}

/** What differs between the settings that run and those that were read again, by name. */
export interface Renewal {
  /** Secrets that can be taken over without a restart. */
  readonly renewed: readonly string[]
  /** Settings that stay as they are until the process starts anew. */
  readonly waiting: readonly string[]
}

/** Compares settings that were read again with those that run. One that is absent has its default. */
export function compareSettings (running: Environment, read: Environment, settings: Readonly<Record<string, Annotations>>): Renewal {
  const changed = Object.entries(settings).filter(([name, { default: initial = '' }]) => {
    return (running[name] ?? String(initial)) !== (read[name] ?? String(initial))
  }).map(([name]) => name)
  const renewed = changed.filter(name => RENEWABLE[name] !== undefined && !changed.includes(RENEWABLE[name]))
  return { renewed, waiting: changed.filter(name => !renewed.includes(name)) }
}
