import { createHash } from 'node:crypto'

/** The key in Redis of what a limit has counted for a caller: a digest in the place of the caller, whose name is nobody's business who looks at the keys. */
export function sharedKey (prefix: string, limit: string, caller: string): string {
  return `${prefix}${limit}:${createHash('sha256').update(caller).digest('base64url')}`
}
