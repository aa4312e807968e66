import { openInside, type Opened, type Project } from './confine.ts'
import { Lines } from './lines.ts'
import { Refusal } from './refusal.ts'

/** The largest file that is read, in bytes. */
const MAX_BYTES = 1_048_576
/** How much of a file is read at a time, in bytes. */
const PIECE = 65_536

/** Reads a text file of the project, or the part of it from line `from` on that fits into one output. Throws a `Refusal`. */
export async function read (project: Project, { path, from = 1 }: { path: string, from?: number }, signal: AbortSignal): Promise<string> {
  const lines = (await textOf(await openInside(project, path, 'file'), signal)).split('\n')
  if (from > lines.length) throw new Refusal(`the file has ${lines.length} lines`)
  const told = new Lines()
  const isWhole = lines.slice(from - 1).every(line => told.add(line))
  if (isWhole && from === 1) return `${told}`
  const next = from + told.count
  return `(lines ${from} to ${next - 1} of ${lines.length}${isWhole ? '' : `; go on with from: ${next}`})\n${told}`
}

/** The text of an open file, which it closes. Throws a `Refusal` when the file is too large or not UTF-8 text. */
export async function textOf ({ handle, size }: Opened, signal: AbortSignal): Promise<string> {
  try {
    if (size > MAX_BYTES) throw new Refusal(`the file is too large (${size} bytes; at most ${MAX_BYTES})`)
    // No more than the size that the file had: it may grow, and the files of /proc, which have no size, stay unread.
    const bytes = Buffer.alloc(size)
    let length = 0
    while (length < size) {
      signal.throwIfAborted()
      const { bytesRead } = await handle.read(bytes, length, Math.min(PIECE, size - length))
      if (bytesRead === 0) break
      length += bytesRead
    }
    return decode(bytes.subarray(0, length))
  } finally {
    await handle.close()
  }
}

function decode (bytes: Buffer): string {
  try {
    if (!bytes.includes(0)) return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    // Told below.
  }
  throw new Refusal('the file is not UTF-8 text')
}
