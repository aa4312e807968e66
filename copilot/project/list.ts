import type { Dirent } from 'node:fs'
import { opendir } from 'node:fs/promises'
import { type Opened, openInside, type Project } from './confine.ts'
import { Lines } from './lines.ts'
import { isWithheld } from './withheld.ts'

/** How many entries of a directory are looked at. */
const MAX_ENTRIES = 1_000

/** Lists a directory of the project, at most 1,000 entries. Throws a `Refusal`. */
export async function list (project: Project, { path = '.' }: { path?: string }): Promise<string> {
  const opened = await openInside(project, path, 'directory')
  const { entries, isWhole } = await entriesOf(opened, MAX_ENTRIES)
  const lines = new Lines()
  const isTold = entries.every(entry => lines.add(shown(entry)))
  if (!isWhole || !isTold) return `${lines}\n(there are more entries; these are ${lines.count} of them)`
  return lines.count === 0 ? '(nothing that may be shown)' : `${lines}`
}

/**
 * The first entries of an open directory that may be shown, sorted by name, and whether these are all of them. It closes the
 * directory, and reads no more of it than `max` entries, however many there are.
 */
export async function entriesOf ({ handle, at }: Opened, max: number): Promise<{ entries: Dirent[], isWhole: boolean, seen: number }> {
  const entries: Dirent[] = []
  let seen = 0
  try {
    for await (const entry of await opendir(at, { bufferSize: 256 })) {
      if (seen === max) return { entries: sorted(entries), isWhole: false, seen }
      seen++
      if (!isWithheld(entry.name)) entries.push(entry)
    }
    return { entries: sorted(entries), isWhole: true, seen }
  } finally {
    await handle.close()
  }
}

function sorted (entries: Dirent[]): Dirent[] {
  return entries.sort((a, b) => a.name < b.name ? -1 : 1)
}

/** A directory ends with a slash, a symbolic link with an at sign. A line break in a name must not make it look like two. */
function shown (entry: Dirent): string {
  return `${entry.name.replace(/\p{Cc}/gu, '?')}${entry.isDirectory() ? '/' : entry.isSymbolicLink() ? '@' : ''}`
}
