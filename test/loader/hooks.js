import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'

/** @import { LoadHook } from 'node:module' */

const kept = new URL('../../.tap/blanked/', import.meta.url)
/** Another release may blank in another way. */
const release = await readFile(new URL('../../node_modules/ts-blank-space/package.json', import.meta.url))

/**
 * Loads a TypeScript file with its types blanked out, which leaves lines and columns as they are. TypeScript's parser takes a
 * process half a second to load: what is in a file is blanked once and kept by its digest, for all processes that come after.
 *
 * @type {LoadHook}
 */
export async function load (url, context, nextLoad) {
  if (!url.startsWith('file:') || !/\.m?ts$/.test(new URL(url).pathname)) return nextLoad(url, context)
  const source = await readFile(new URL(url))
  const entry = new URL(createHash('sha256').update(release).update(source).digest('hex') + '.js', kept)
  const blanked = await readFile(entry, 'utf8').catch(() => blank(String(source), entry))
  return { format: 'module', shortCircuit: true, source: `${blanked}\n//# sourceURL=${url}` }
}

/**
 * @param {string} source
 * @param {URL} entry where it is kept
 */
async function blank (source, entry) {
  const { default: blankSpace } = await import('ts-blank-space')
  const blanked = blankSpace(source)
  // Whole or not there: another process may look for it at this moment.
  const draft = new URL(`${entry.href}.${process.pid}`)
  await mkdir(kept, { recursive: true })
  await writeFile(draft, blanked)
  await rename(draft, entry)
  return blanked
}
