import { isLoopbackHost } from './loopback.ts'
import { StartError } from './start-error.ts'

/** A `Host` (RFC 9110 §7.2): a name or an IPv6 address in brackets, with an optional port. */
const HOST = /^(\[[\da-f:.]+\]|[\w.-]+?)\.?(?::\d*)?$/i

/** How many accepted `Host` values are cached, so that the usual ones cost one look-up. */
const REMEMBERED = 64

/**
 * Makes a check of the `Host` of requests: true for names that can mean nothing but this machine, see {@link isLoopbackHost},
 * and for those of `list`, comma-separated and without ports, as they are (no wildcards, no case). Throws a
 * {@link StartError} when `list` has something in it that is no name.
 */
export function hostCheck (list: string): (host: string) => boolean {
  const entries = list.split(',').map(entry => entry.trim()).filter(Boolean)
  if (!entries.every(entry => /^(?:\[[\da-f:.]+\]|[\w.-]+)$/i.test(entry))) {
    throw new StartError('ALLOWED_HOSTS must be host names without ports, comma-separated: gateway.example.com')
  }
  const names = new Set(entries.map(nameOf))
  const known = new Set<string>()

  return host => {
    if (known.has(host)) return true
    const isFine = isLoopbackHost(host) || names.has(nameOf(host))
    if (isFine && known.size < REMEMBERED) known.add(host)
    return isFine
  }
}

function nameOf (host: string): string | undefined {
  return HOST.exec(host)?.[1]?.toLowerCase()
}
