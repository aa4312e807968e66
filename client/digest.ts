/** The UTF-8 bytes of a text. */
export function utf8 (text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text)
}

/**
 * The SHA-256 of bytes in lower-case hexadecimal digits; undefined where there is no Web Crypto, which browsers give only
 * to pages of https and of this machine.
 */
export async function sha256 (bytes: Uint8Array<ArrayBuffer>): Promise<string | undefined> {
  const digest = await globalThis.crypto?.subtle?.digest('SHA-256', bytes)
  return digest && Array.from(new Uint8Array(digest), byte => byte.toString(16).padStart(2, '0')).join('')
}
