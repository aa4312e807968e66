import { StartError } from '../../lib/start-error.ts'

/**
 * Checks that the Copilot SDK is installed. The package is optional, because a gateway in front of another Copilot service does
 * not need it. Throws a {@link StartError} of one line that says how to install it.
 */
export function requireSdk (name = '@github/copilot-sdk'): void {
  try {
    import.meta.resolve(name)
  } catch {
    throw new StartError(`COPILOT_ENGINE sdk needs the package ${name}, which is not installed: run "npm install ${name}", or name a service of your own by COPILOT_SERVICE_URL`)
  }
}
