import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { bundleOf } from './bundles.js'

/** @import { LoadHook, ResolveHook } from 'node:module' */

const kept = new URL('../../.tap/blanked/', import.meta.url)
/** Another release may blank in another way. */
const release = readFileSync(new URL('../../node_modules/ts-blank-space/package.json', import.meta.url))

/**
 * Finds the large packages in their bundles.
 *
 * @type {ResolveHook}
 */
export async function resolve (specifier, context, nextResolve) {
  const url = await bundleOf(specifier)
  return url === undefined ? nextResolve(specifier, context) : { url, format: 'module', shortCircuit: true }
}

/**
 * Loads a TypeScript file with its types blanked out, which leaves lines and columns as they are. TypeScript's parser takes a
 * process half a second to load: what is in a file is blanked once and kept by its digest, for all processes that come after.
 * Files are read synchronously: this thread has nothing else to do, and the process waits for it.
 *
 * @type {LoadHook}
 */
export async function load (url, context, nextLoad) {
  // tap's own hook notes the lines of every file for coverage, which has none of packages.
  if (url.includes('/node_modules/') && context.format === 'module') return { format: 'module', shortCircuit: true, source: readFileSync(new URL(url)) }
  if (url.includes('/node_modules/') && context.format === 'commonjs') return { format: 'commonjs', shortCircuit: true }
  if (!url.startsWith('file:') || !/\.m?ts$/.test(new URL(url).pathname)) return nextLoad(url, context)
  const source = readFileSync(new URL(url))
  const entry = new URL(createHash('sha256').update(release).update(source).digest('hex') + '.js', kept)
  const blanked = existsSync(entry) ? readFileSync(entry, 'utf8') : await blank(String(source), entry)
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
