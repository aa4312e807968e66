/** Who is calling: the name of an API key or the subject of a token. */
export interface Caller {
  /** Stable for the same caller, and safe to log. */
  readonly id: string
  readonly kind: 'none' | 'api-key' | 'jwt'
}

/** The credentials of a request. */
export interface Credentials {
  /** The token of `Authorization: Bearer` (RFC 6750). */
  readonly bearer?: string
  /** The value of `X-API-Key`. */
  readonly apiKey?: string
}

/**
 * Authenticates a request. Resolves with undefined when the credentials are missing or wrong; rejects with a
 * {@link GatewayError} when they cannot be checked now.
 */
export type Authenticate = (credentials: Credentials) => Promise<Caller | undefined>
