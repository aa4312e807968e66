import type { Config } from '../settings/schema.ts'
import { byApiKey } from './api-keys.ts'
import type { Authenticate } from './caller.ts'
import { byJwt } from './jwt.ts'

/** The authenticator of callers for `AUTH_MODE`. Throws a `StartError` for settings that the mode cannot work with. */
export function authenticator (config: Config): Authenticate {
  switch (config.AUTH_MODE) {
    case 'api-key':
      return byApiKey(config.API_KEYS)
    case 'jwt':
      return byJwt({ secret: config.JWT_SECRET, jwksUrl: config.JWT_JWKS_URL, issuer: config.JWT_ISSUER, audience: config.JWT_AUDIENCE })
    default:
      return async () => ({ id: 'anonymous', kind: 'none' })
  }
}
