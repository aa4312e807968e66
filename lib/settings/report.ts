import { sanitize } from '../redact.ts'
import type { Collected } from './collect.ts'
import type { Annotations } from './schema.ts'

/**
 * Lists the settings in effect, one per line: `NAME = value  (source)`. A secret is shown as `(hidden)`, a password in a URL as
 * `[redacted]`.
 */
export function reportSettings (settings: Readonly<Record<string, Annotations>>, { values, origins }: Collected): string {
  return Object.entries(settings).map(([name, { secret, default: initial = '' }]) => {
    const value = values[name] ?? String(initial)
    const shown = value === '' ? '(empty)' : secret ? '(hidden)' : sanitize(value, [], 10_000)
    return `${name} = ${shown}  (${origins[name] ?? 'default'})\n`
  }).join('')
}
