import { openInside, type Project } from './confine.ts'
import { Lines } from './lines.ts'
import { entriesOf } from './list.ts'
import { textOf } from './read.ts'
import { Refusal } from './refusal.ts'

/** The bounds of one search. */
export interface SearchBounds {
  /** How many entries of directories are looked at. */
  readonly entries: number
  /** How many bytes of files are read. */
  readonly bytes: number
  /** How many lines are told. */
  readonly matches: number
  /** How long it may take, in milliseconds. */
  readonly ms: number
}

const BOUNDS: SearchBounds = { entries: 20_000, bytes: 67_108_864, matches: 100, ms: 3_000 }

/** How much of a line is told, in characters, and how much of that is before the match. */
const SHOWN = 240
const BEFORE = 80

/**
 * Searches the text files of the project, or of one directory in it, for a literal text without regard to case, and tells the lines
 * that have it. It follows no symbolic links and does not enter `node_modules`. When a bound is reached, it tells what was found.
 * Throws a `Refusal`.
 */
export async function search (project: Project, { text, path = '.' }: { text: string, path?: string }, signal: AbortSignal, bounds = BOUNDS): Promise<string> {
  const wanted = text.toLowerCase()
  const until = performance.now() + bounds.ms
  const found = new Lines()
  let { entries: entriesLeft, bytes: bytesLeft } = bounds
  let isWhole = true
  const isOver = () => bytesLeft <= 0 || performance.now() >= until || found.isFull || found.count >= bounds.matches

  const searchFile = async (name: string) => {
    const content = await textOf(await openInside(project, name, 'file'), signal)
    bytesLeft -= content.length
    for (const line of matches(content, wanted)) if (!found.add(`${name}:${line}`) || isOver()) return
  }

  const directories = [path]
  for (const directory of directories) {
    const listing = openInside(project, directory, 'directory').then(opened => entriesOf(opened, entriesLeft))
    const listed = directory === path ? await listing : await unlessRefused(listing, NOTHING)
    entriesLeft -= listed.seen
    isWhole &&= listed.isWhole
    for (const entry of listed.entries) {
      if (isOver()) break
      const name = directory === '.' ? entry.name : `${directory}/${entry.name}`
      if (entry.isDirectory() && entry.name !== 'node_modules') directories.push(name)
      if (entry.isFile()) await unlessRefused(searchFile(name), undefined)
    }
  }
  if (!isWhole || isOver()) return `${found}\n(the search stopped here, there may be more; name a directory by path to search less)`
  return found.count === 0 ? '(nothing found)' : `${found}`
}

const NOTHING = { entries: [], isWhole: true, seen: 0 }

/** What `work` gives, or `otherwise` when it is refused: a file that cannot be read does not end the search. */
async function unlessRefused<T> (work: Promise<T>, otherwise: T): Promise<T> {
  return await work.catch(error => {
    if (error instanceof Refusal) return otherwise
    throw error
  })
}

function * matches (content: string, wanted: string): Generator<string> {
  // Most files have no match: looking at the whole first is cheaper than line by line.
  if (!content.toLowerCase().includes(wanted)) return
  for (const [index, line] of content.split('\n').entries()) {
    const at = line.toLowerCase().indexOf(wanted)
    if (at !== -1) yield `${index + 1}: ${line.slice(Math.max(0, at - BEFORE)).slice(0, SHOWN)}`
  }
}
