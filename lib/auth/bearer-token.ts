import { createHash, timingSafeEqual } from 'node:crypto'

/** The digest that is compared instead of the secret: digests have one length, so that timing does not reveal the secret's. */
export function digest (secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}

/** Compares tokens with one secret in constant time. */
export function tokenCheck (token: string): (shown: string) => boolean {
  const expected = digest(token)
  return shown => timingSafeEqual(digest(shown), expected)
}

/** The token of an `Authorization: Bearer` (RFC 6750 §2.1); undefined when it has none. */
export function bearerOf (authorization: string | undefined): string | undefined {
  return /^bearer +(\S+) *$/i.exec(authorization ?? '')?.[1]
}
