import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

const root = new URL('../../', import.meta.url)

/**
 * Packages of more than a hundred modules each, all of which every process would resolve and load through the hooks. Their one
 * copy is the bundle; what they share with code that does not come through the hooks stays out of it.
 */
const names = new Set(['jose', 'tap', 'typebox'])
const external = ['@tapjs/processinfo', 'esbuild']

/** What decides about the contents: the packages' versions, and the plugins that tap is built of. */
const digest = createHash('sha256').update(readFileSync(new URL('package-lock.json', root))).update(readFileSync(new URL('.taprc', root))).update(readFileSync(new URL(import.meta.url))).digest('hex')
// Stack traces leave out what is in node_modules/@tapjs, coverage what is in node_modules.
const kept = new URL(`node_modules/.cache/bundles/${digest}/node_modules/@tapjs/`, root)

/**
 * The URL of a package's bundle, which is made once for all processes that come after; undefined for a package that has none.
 *
 * @param {string} name
 */
export async function bundleOf (name) {
  if (!names.has(name)) return undefined
  const bundle = new URL(`${name}.mjs`, kept)
  if (!existsSync(bundle)) await make(name, bundle)
  return bundle.href
}

/**
 * @param {string} name
 * @param {URL} bundle where it is kept
 */
async function make (name, bundle) {
  const { build } = await import('esbuild')
  // Whole or not there: another process may look for it at this moment.
  const draft = new URL(`${bundle.href}.${process.pid}`)
  await mkdir(new URL('./', bundle), { recursive: true })
  await build({
    absWorkingDir: fileURLToPath(root),
    entryPoints: [name],
    outfile: fileURLToPath(draft),
    bundle: true,
    external,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    keepNames: true,
    minifyWhitespace: true,
    logLevel: 'warning',
    // Packages of CommonJS that are in it require Node's own modules.
    banner: { js: 'import { createRequire as createBundleRequire } from "node:module"; const require = createBundleRequire(import.meta.url);' }
  })
  await rename(draft, bundle).catch(async error => {
    await rm(draft, { force: true })
    if (!existsSync(bundle)) throw error
  })
}
