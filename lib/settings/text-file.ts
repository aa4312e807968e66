import { lstatSync, readFileSync, statSync } from 'node:fs'
import { StartError } from '../start-error.ts'

/** No file of settings is larger; what is larger was named by mistake. */
const MAX_BYTES = 1024 * 1024

/** Characters that no text file has: those that an editor shows, or a shell ends a line with, as it likes. Tabs and line ends are fine. */
const CONTROL = /(?![\t\n])[\p{Cc}\u2028\u2029]/u

/**
 * Reads a file as UTF-8 text, with a byte-order mark taken off and every kind of line end as `\n`. Undefined when there is none.
 * Throws a {@link StartError} of one line, which shows nothing of the content, for what is no file, no text or cannot be read.
 */
export function readTextFile (path: string): string | undefined {
  let bytes: Buffer
  try {
    const stats = statSync(path)
    // Looked at before it is opened: opening a pipe waits for somebody who writes.
    if (!stats.isFile()) throw new StartError(stats.isDirectory() ? 'it is a directory (EISDIR)' : 'it is not a file')
    if (stats.size > MAX_BYTES) throw new StartError(`it has ${stats.size} bytes, and ${MAX_BYTES} are allowed`)
    bytes = readFileSync(path)
  } catch (error) {
    if (isAbsence(error) && !isThere(path)) return undefined
    throw new StartError(`${path} cannot be read: ${error instanceof Error && error.message}`)
  }
  return decode(path, bytes)
}

function decode (path: string, bytes: Buffer): string {
  const hasUtf16Mark = bytes.length >= 2 && [0xfeff, 0xfffe].includes(bytes.readUInt16BE(0))
  if (hasUtf16Mark || bytes.includes(0)) throw new StartError(`${path} cannot be read: it is not UTF-8 text, but UTF-16 or binary; save it as UTF-8`)
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new StartError(`${path} cannot be read: it is not UTF-8 text; save it as UTF-8`)
  }
  const lines = text.replace(/\r\n?/g, '\n')
  const control = CONTROL.exec(lines)
  if (control) {
    const code = control[0].charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')
    throw new StartError(`${path} cannot be read: line ${lines.slice(0, control.index).split('\n').length} has a control character (U+${code})`)
  }
  return lines
}

function isAbsence (error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}

/** True for a link that leads nowhere, too: somebody meant to have a file there. */
function isThere (path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined
}
