import { lstatSync, readFileSync, statSync } from 'node:fs'
import { StartError } from '../start-error.ts'

/** The largest file that is read as settings, in bytes; a larger one was named by mistake. */
const MAX_BYTES = 1024 * 1024

/** Characters that a text file of settings must not contain, because editors and shells treat them differently. Tabs and line ends are allowed. */
const CONTROL = /(?![\t\n])[\p{Cc}\u2028\u2029]/u

/**
 * Reads a file as UTF-8 text, removes a byte-order mark, and converts every kind of line end to `\n`. Undefined when the file does not
 * exist. Throws a {@link StartError} of one line, without any of the content, for a path that is not a file, is not text or cannot be read.
 */
export function readTextFile (path: string): string | undefined {
  let bytes: Buffer
  try {
    const stats = statSync(path)
    // Checked before the file is opened: opening a named pipe would block until somebody writes to it.
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

/** True for a dangling symbolic link, too: its target is missing, which is an error and not an absent file. */
function isThere (path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined
}
