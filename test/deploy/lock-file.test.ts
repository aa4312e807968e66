import { readFile } from 'node:fs/promises'
import { test } from 'tap'

/** The part of package-lock.json that is looked at. */
interface Lock {
  packages: Record<string, { optionalDependencies?: Record<string, string> }>
}

test('every optional package is locked, for other platforms too: npm ci refuses the lock file otherwise', async t => {
  const { packages }: Lock = JSON.parse(await readFile('package-lock.json', 'utf8'))
  const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter(name => !(`node_modules/${name}` in packages) && !(`${path}/node_modules/${name}` in packages)))

  t.strictSame(missing, [])
})
