/** Marks where a stamp begins; nothing else in an answer or in the framing around it contains it. */
const MARK = 0x40 // @
const DIGITS = 16
const ZERO = 0x30

/** Nanoseconds of the machine's monotonic clock, which all processes on it share. Exact for 104 days after boot. */
export function now (): number {
  return Number(process.hrtime.bigint())
}

/** A chunk of at least 18 ASCII bytes that says when it was written: `@`, 16 digits of {@link now}, filler. */
export function stamped (bytes: number): string {
  return `@${String(now()).padStart(DIGITS, '0')}`.padEnd(bytes, ' .')
}

/** Calls `found` with each stamp in a piece of an answer, whatever framing (SSE, JSON) the stamps are wrapped in. */
export function forEachStamp (piece: Buffer, found: (stamp: number) => void): void {
  for (let at = piece.indexOf(MARK); at !== -1; at = piece.indexOf(MARK, at + DIGITS)) {
    let stamp = 0
    for (let digit = at + 1; digit <= at + DIGITS; digit++) stamp = stamp * 10 + (piece[digit] ?? ZERO) - ZERO
    found(stamp)
  }
}
