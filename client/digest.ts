/** The UTF-8 bytes of a text. */
export function utf8 (text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text)
}

/**
 * The SHA-256 of bytes in lower-case hexadecimal digits; undefined without Web Crypto, which browsers offer only in secure
 * contexts (https and localhost).
 */
export async function sha256 (bytes: Uint8Array<ArrayBuffer>): Promise<string | undefined> {
  const digest = await globalThis.crypto?.subtle?.digest('SHA-256', bytes)
  return digest && Array.from(new Uint8Array(digest), byte => byte.toString(16).padStart(2, '0')).join('')
}
