import { execFile } from 'node:child_process'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { program } from './programs.ts'

/** What `program` does to a test when it looks for a program that nobody has. */
function missing (environment: NodeJS.ProcessEnv): string[] {
  const calls: string[] = []
  const test = {
    plan: (n: number, reason?: string) => { calls.push(`plan ${n} ${reason}`) },
    fail: (...[reason]: [reason?: unknown, extra?: unknown]) => calls.push(`fail ${reason}`) > 0
  }
  calls.push(String(program(test, 'no-such-program', 'no-such-package', environment)))
  return calls
}

const REASON = 'no-such-program is not installed; Debian has it in the package no-such-package'

t.test('a program that is there is found, and runs', async t => {
  const node = program(t, 'node', 'nodejs', { PATH: dirname(process.execPath) })
  t.equal((await promisify(execFile)(String(node), ['--version'])).stdout.trim(), process.version)
})

t.test('a test of a program that is missing is skipped, and says what to install', async t => {
  t.strictSame(missing({ PATH: '/nowhere' }), [`plan 0 ${REASON}`, 'undefined'])
})

t.test('in CI, it fails', async t => {
  t.strictSame(missing({ PATH: '/nowhere', CI: 'true' }), [`fail ${REASON}`, 'undefined'])
})
