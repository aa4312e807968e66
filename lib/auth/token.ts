import { createHash, timingSafeEqual } from 'node:crypto'

/** What is compared instead of a secret itself: digests have one length, and tell nothing of the secret's. */
export function digest (secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}

/** A check of what callers show against one secret, in a time that says nothing of it. */
export function tokenCheck (token: string): (shown: string) => boolean {
  const expected = digest(token)
  return shown => timingSafeEqual(digest(shown), expected)
}

/** The token of an `Authorization: Bearer` (RFC 6750 §2.1); undefined when it has none. */
export function bearerOf (authorization: string | undefined): string | undefined {
  return /^bearer +(\S+) *$/i.exec(authorization ?? '')?.[1]
}
