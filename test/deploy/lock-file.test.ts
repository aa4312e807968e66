import { readFile } from 'node:fs/promises'
import { test } from 'tap'
import pkg from '../../package.json' with { type: 'json' }

/** The part of package-lock.json that is looked at. */
interface Lock {
  packages: Record<string, { optionalDependencies?: Record<string, string>, engines?: { node?: string }, hasInstallScript?: boolean }>
}

const { packages }: Lock = JSON.parse(await readFile('package-lock.json', 'utf8'))

test('every optional package is locked, for other platforms too: npm ci refuses the lock file otherwise', async t => {
  const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter(name => !(`node_modules/${name}` in packages) && !(`${path}/node_modules/${name}` in packages)))

  t.strictSame(missing, [])
})

test('npm ci warns of nothing: every package takes the oldest Node that this one does, and of each install script it was decided', async t => {
  const oldest = /^\^(\d+)\./.exec(pkg.engines.node)?.[1]
  // "^18 || >=20": one alternative is enough, and the major version says it for all that there are.
  const isTooNew = (range: string): boolean => range.split('||').every(part => Number(/\d+/.exec(part)?.[0] ?? 0) > Number(oldest))
  t.strictSame(Object.entries(packages).filter(([, { engines }]) => engines?.node && isTooNew(engines.node)).map(([path]) => path), [])

  const withScripts = Object.entries(packages).filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => path.replace(/^.*node_modules\//, ''))
  t.strictSame(withScripts.filter(name => !(name in pkg.allowScripts)), [])
})
