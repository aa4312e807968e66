import { createRemoteJWKSet, customFetch, errors, jwtVerify, type JWTPayload, type JWTVerifyOptions } from 'jose'
import { GatewayError } from '../errors.ts'
import { StartError } from '../start-error.ts'
import type { Authenticate } from './caller.ts'

/** How tokens are checked. Exactly one of `secret` and `jwksUrl` is set; empty strings are unset. */
export interface JwtOptions {
  /** The shared secret of HS256 tokens. */
  readonly secret: string
  /** Where the public keys of RS256 and ES256 tokens are (RFC 7517). */
  readonly jwksUrl: string
  /** The `iss` that tokens must have; empty: any. */
  readonly issuer: string
  /** The `aud` that tokens must have; empty: any. */
  readonly audience: string
  /** How long the key server may take, in milliseconds; default 5,000. */
  readonly jwksTimeout?: number
  /** How long a failing key server is not asked again, in milliseconds; default 2,000. */
  readonly jwksRetry?: number
}

/**
 * Authenticates callers by JSON Web Tokens (RFC 7519): signature, expiry, issuer and audience are checked, and the algorithm is
 * the configured key's, never the token's choice (RFC 8725 §3.1). The caller is the token's `sub`, or its `client_id`
 * where a service has no subject (RFC 9068). Throws a {@link StartError} when not exactly one kind of key is configured.
 */
export function byJwt ({ secret, jwksUrl, issuer, audience, jwksTimeout = 5_000, jwksRetry = 2_000 }: JwtOptions): Authenticate {
  if (!secret === !jwksUrl) throw new StartError('either JWT_SECRET or JWT_JWKS_URL must be set when AUTH_MODE is jwt, and not both')
  const options: JWTVerifyOptions = {
    algorithms: secret ? ['HS256'] : ['RS256', 'ES256'],
    requiredClaims: ['exp'],
    ...(issuer && { issuer }),
    ...(audience && { audience })
  }
  const verify = secret ? bySecret(secret) : byKeySet(jwksUrl, jwksTimeout, jwksRetry)

  return async ({ bearer }) => {
    if (!bearer) return undefined
    try {
      const { sub, client_id: clientId } = await verify(bearer, options)
      const id = sub || clientId
      return typeof id === 'string' && id.length <= 256 ? { id, kind: 'jwt' } : undefined
    } catch (error) {
      if (isRefusal(error)) return undefined
      throw new GatewayError('auth_unavailable', { cause: error })
    }
  }
}

type Verify = (token: string, options: JWTVerifyOptions) => Promise<JWTPayload>

function bySecret (secret: string): Verify {
  const key = new TextEncoder().encode(secret)
  return async (token, options) => (await jwtVerify(token, key, options)).payload
}

function byKeySet (url: string, timeout: number, retry: number): Verify {
  let failed: { readonly error: unknown, readonly until: number } | undefined
  // jose remembers the set, shares a fetch, and an unknown `kid` makes it ask again at most twice a minute: nobody can make us
  // flood the key server. A failure it forgets at once, and then asks for every token that comes.
  const keys = createRemoteJWKSet(new URL(url), {
    timeoutDuration: timeout,
    cooldownDuration: 30_000,
    [customFetch]: async (url, options) => {
      if (failed && performance.now() < failed.until) throw failed.error
      return await fetch(url, options)
    }
  })
  return async (token, options) => {
    try {
      return (await jwtVerify(token, keys, options)).payload
    } catch (error) {
      if (!isRefusal(error) && error !== failed?.error) failed = { error, until: performance.now() + retry }
      throw error
    }
  }
}

/** True when the token is at fault; false when its key could not be had, which is nobody's proof of anything. */
function isRefusal (error: unknown): boolean {
  return error instanceof errors.JOSEError && !['ERR_JOSE_GENERIC', 'ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID'].includes(error.code)
}
