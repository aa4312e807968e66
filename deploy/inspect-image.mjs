// Looks at what is in an image's /app: nothing that only development needs, nothing secret, licences that allow to ship it.
import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'

const [app, lockFile, name] = process.argv.slice(2)
const { packages } = JSON.parse(readFileSync(lockFile, 'utf8'))
const files = readdirSync(app, { recursive: true })
const faults = []

const development = new Set(Object.entries(packages).filter(([, entry]) => entry.dev).map(([path]) => path))
for (const file of files) {
  if (development.has(file)) faults.push(`${file} is for development`)
  if (/\.map$|\.tsbuildinfo$/.test(file)) faults.push(`${file} is left over from a build`)
  if (!file.startsWith('node_modules/') && /\.test\.|(^|\/)(test|bench)\//.test(file)) faults.push(`${file} is a test`)
  // Packages publish what they were tested with; nothing of that is ours to hide.
  if (!file.startsWith('node_modules/') && /^\.env|^\.npmrc$|^\.git$|\.pem$|^id_[a-z0-9]+$/.test(basename(file))) faults.push(`${file} may be secret`)
}
if (!files.includes('LICENSE')) faults.push("the product's LICENSE is missing")

const ALLOWED = /^\(?(MIT|MIT-0|ISC|0BSD|BSD-[23]-Clause|Apache-2\.0|BlueOak-1\.0\.0|Python-2\.0|Unlicense|CC0-1\.0)( (OR|AND) (MIT|ISC|BSD-[23]-Clause|Apache-2\.0|CC0-1\.0))*\)?$/
/** Comes with terms of its own, which are in the package. */
const OWN_TERMS = /^node_modules\/@github\/copilot/
const counts = {}
for (const file of files.filter(file => /(^|\/)node_modules\/(@[^/]+\/)?[^/]+\/package\.json$/.test(file))) {
  const { license } = JSON.parse(readFileSync(join(app, file), 'utf8'))
  const word = typeof license === 'string' ? license : license?.type ?? 'none'
  counts[word] = (counts[word] ?? 0) + 1
  if (!ALLOWED.test(word) && !OWN_TERMS.test(file)) faults.push(`${file}: licence ${word}`)
}

console.log(`  licences in ${name}: ${Object.entries(counts).sort(([, one], [, other]) => other - one).map(([word, count]) => `${count} ${word}`).join(', ')}`)
for (const fault of faults.slice(0, 20)) console.error(`  ${name}: ${fault}`)
if (faults.length) process.exit(1)
