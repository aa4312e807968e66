import { readdirSync, realpathSync } from 'node:fs'
import { dirname } from 'node:path'
import { sanitize } from '../../lib/redact.ts'
import { StartError } from '../../lib/start-error.ts'

/**
 * The real path of the directory that `COPILOT_PROJECT_DIR` names. Throws a {@link StartError} of one line when it is not a directory,
 * cannot be read, or is the root of the file system, which contains other processes' secrets.
 */
export function projectDirectory (path: string): string {
  let real
  try {
    real = realpathSync(path)
    readdirSync(real)
  } catch {
    throw new StartError(`COPILOT_PROJECT_DIR must be a directory that can be read, not ${JSON.stringify(sanitize(path, [], 200))}`)
  }
  if (dirname(real) === real) throw new StartError('COPILOT_PROJECT_DIR must not be the root of the file system')
  return real
}
