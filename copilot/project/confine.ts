import { constants } from 'node:fs'
import { type FileHandle, lstat, open, readlink, realpath } from 'node:fs/promises'
import { isAbsolute, join, relative, sep, win32 } from 'node:path'
import { Refusal } from './refusal.ts'
import { isWithheld } from './withheld.ts'

/** A file or directory of the project, open for reading. */
export interface Opened {
  readonly handle: FileHandle
  /** A path that leads to exactly this file, even when its name belongs to another one meanwhile (on Linux). */
  readonly at: string
  /** In bytes. */
  readonly size: number
}

/** The directory that a model may read. */
export interface Project {
  /** Its real path. */
  readonly root: string
  /** Where the system lists the open files of this process; `/proc/self/fd` by default, which only Linux has. */
  readonly descriptors?: string
}

type Kind = 'file' | 'directory'

// A FIFO does not block, a terminal does not take the process over, and a link that has just replaced the file is not followed.
const READ = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW | constants.O_NOCTTY

/**
 * Opens a file or a directory of the project. Symbolic links are followed as long as they stay in the project. The caller closes the
 * handle. Throws a {@link Refusal} for everything that is outside, withheld, of another kind, or has changed while it was opened.
 */
export async function openInside ({ root, descriptors = '/proc/self/fd' }: Project, path: string, kind: Kind): Promise<Opened> {
  const parts = path.split(/[/\\]/)
  if (isAbsolute(path) || win32.isAbsolute(path) || parts.includes('..')) throw new Refusal('paths are relative to the project, and have no ".." in them')
  mayBeShown(parts)
  const real = await attempt(realpath(join(root, path)))
  const inside = relative(root, real)
  if (inside.split(sep)[0] === '..' || isAbsolute(inside)) throw new Refusal('that is outside of the project')
  mayBeShown(inside.split(sep))
  // Checked before it is opened, because opening alone can have an effect on a device.
  mustBe(kind, await attempt(lstat(real)))
  const handle = await attempt(open(real, READ))
  try {
    const stats = await handle.stat()
    mustBe(kind, stats)
    return { handle, at: await attempt(placeOf(handle, real, descriptors)), size: stats.size }
  } catch (error) {
    await handle.close()
    throw error
  }
}

/**
 * Checks that an open file is the one at `real`, although somebody may have replaced a directory on the way by a link between the
 * two steps, and resolves with a path to it.
 */
export async function placeOf (handle: FileHandle, real: string, descriptors: string): Promise<string> {
  const descriptor = join(descriptors, String(handle.fd))
  const place = await readlink(descriptor).catch(() => undefined)
  if (place === real) return descriptor
  if (place !== undefined) throw new Error('it is elsewhere')
  // A system that does not say where an open file is. Resolving its path again leaves a gap, but a small one.
  const [again, there, opened] = await Promise.all([realpath(real), lstat(real), handle.stat()])
  if (again !== real || there.ino !== opened.ino || there.dev !== opened.dev) throw new Error('it was replaced')
  return real
}

function mayBeShown (names: readonly string[]): void {
  if (names.some(isWithheld)) throw new Refusal('files and directories of this name are withheld, because they often hold secrets')
}

function mustBe (kind: Kind, stats: { isFile: () => boolean, isDirectory: () => boolean }): void {
  if (kind === 'file' ? stats.isFile() : stats.isDirectory()) return
  if (kind === 'file' && stats.isDirectory()) throw new Refusal('that is a directory, not a file')
  throw new Refusal(kind === 'file' ? 'that is not a regular file' : 'that is not a directory')
}

/** Turns an error of the file system, whose message has paths of this machine, into a refusal. */
async function attempt<T> (work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? ` (${error.code})` : ''
    throw new Refusal(`there is nothing of this name that can be read${code}`)
  }
}
