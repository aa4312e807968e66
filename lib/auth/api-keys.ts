import { timingSafeEqual } from 'node:crypto'
import { StartError } from '../start-error.ts'
import type { Authenticate } from './caller.ts'
import { digest } from './bearer-token.ts'

/**
 * Authenticates callers by API keys. `list` is `name:key` pairs, comma-separated; a name may have several keys, so that a key can be
 * rotated while both are in use. Throws a {@link StartError} for a list that names no key or is malformed.
 */
export function byApiKey (list: string): Authenticate {
  const keys = list.split(',').map(pair => pair.trim()).filter(Boolean).map((pair, index) => {
    const colon = pair.indexOf(':')
    const name = pair.slice(0, colon).trim()
    const key = pair.slice(colon + 1).trim()
    if (colon === -1 || !/^[\w.@-]{1,100}$/.test(name) || !key) {
      throw new StartError(`API_KEYS must be name:key pairs, comma-separated, with names of letters, digits and . _ @ -; pair ${index + 1} is not`)
    }
    return { name, digest: digest(key) }
  })
  if (keys.length === 0) throw new StartError('API_KEYS must name at least one name:key pair when AUTH_MODE is api-key')

  return async ({ bearer, apiKey }) => {
    const shown = digest(apiKey ?? bearer ?? '')
    // Every key is compared, whichever matches, so that the time taken says nothing of the keys.
    const known = keys.filter(key => timingSafeEqual(key.digest, shown))
    return known[0] && { id: known[0].name, kind: 'api-key' }
  }
}
