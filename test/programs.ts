import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { Test } from 'tap'

/**
 * The path of a program that a test runs against, to be asked for before the test's first assertion. Where it is missing,
 * undefined: the test is skipped with a line that says what to install, and in CI it fails.
 */
export function program (t: Pick<Test, 'plan' | 'fail'>, name: string, debianPackage: string, environment = process.env): string | undefined {
  // Debian keeps servers where only root's PATH looks.
  const folders = [...String(environment.PATH).split(delimiter), '/usr/sbin', '/sbin']
  const found = folders.map(folder => join(folder, name)).find(isExecutable)
  if (found) return found
  const reason = `${name} is not installed; Debian has it in the package ${debianPackage}`
  if (environment.CI === 'true') t.fail(reason)
  else t.plan(0, reason)
  return undefined
}

function isExecutable (path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
