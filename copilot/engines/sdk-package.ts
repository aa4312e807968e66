import { StartError } from '../../lib/start-error.ts'

/**
 * Makes sure that the Copilot SDK can be loaded, which is an optional package: a gateway with a service of its own does
 * without it. Throws a {@link StartError} of one line that says how to get it.
 */
export function requireSdk (name = '@github/copilot-sdk'): void {
  try {
    import.meta.resolve(name)
  } catch {
    throw new StartError(`COPILOT_ENGINE sdk needs the package ${name}, which is not installed: run "npm install ${name}", or name a service of your own by COPILOT_SERVICE_URL`)
  }
}
