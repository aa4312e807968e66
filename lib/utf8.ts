/** True for a byte that continues a character and does not begin one (RFC 3629 §3). */
function isContinuation (byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80
}

/** How many bytes the character that begins with this byte has; 1 for a byte that begins none. */
function lengthOf (lead: number): number {
  if (lead >= 0xf0) return 4
  if (lead >= 0xe0) return 3
  return lead >= 0xc0 ? 2 : 1
}

/** How many of the bytes, from the first, are whole characters: all of them, or all but the one to three that begin the next. */
export function wholeCharacters (bytes: Buffer): number {
  const end = bytes.length
  for (let back = 1; back <= 3 && back <= end; back++) {
    const byte = bytes.readUInt8(end - back)
    if (!isContinuation(byte)) return lengthOf(byte) > back ? end - back : end
  }
  return end
}

/** The offset at which the character begins that the byte at `offset` belongs to. */
export function characterStart (bytes: Uint8Array, offset: number): number {
  let start = offset
  while (start > 0 && offset - start < 3 && isContinuation(bytes[start])) start--
  return start
}

/** Cuts a stream of bytes anew, so that no piece ends within a character. */
export class CharacterBoundary {
  #rest: Buffer | undefined

  /** The whole characters of what was held back and this chunk; possibly none. What begins the next character is held back. */
  push (chunk: Buffer): Buffer {
    const bytes = this.#rest ? Buffer.concat([this.#rest, chunk]) : chunk
    const whole = wholeCharacters(bytes)
    this.#rest = whole < bytes.length ? bytes.subarray(whole) : undefined
    return whole < bytes.length ? bytes.subarray(0, whole) : bytes
  }

  /** What is still held back: empty unless the stream ended within a character. */
  get rest (): Buffer { return this.#rest ?? Buffer.alloc(0) }
}
