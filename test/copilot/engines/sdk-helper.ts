import { mkdirSync, readdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Test } from 'tap'
import { sdkEngine } from '../../../copilot/engines/sdk.ts'
import type { RuntimeOptions } from '../../../copilot/engines/sdk-runtime.ts'
import type { Environment } from '../../../lib/settings/collect.ts'
import { config, service } from '../helper.ts'
import { modelServer } from '../model-server.ts'

/** The real SDK, with a model of the test's own behind it. */
export async function sdkService (t: Test, env: Environment = {}) {
  const model = await modelServer(t)
  return { model, ...await service(t, { env: { COPILOT_PROVIDER_BASE_URL: model.url, COPILOT_PROVIDER_API_KEY: 'provider-key', COPILOT_MODEL: 'test-model', ...env } }) }
}

/** The SDK's engine alone, closed with the test. */
export function engine (t: Test, env: Environment, options?: RuntimeOptions) {
  const it = sdkEngine(config(env), options)
  t.teardown(() => it.close())
  return it
}

/** A stand-in for the runtime that writes its process id and its directory down, and then becomes the real one. */
export function tracedRuntime (t: Test) {
  const directory = realpathSync(t.testdir({}))
  const real = bundledRuntime()
  const notes = join(directory, 'notes')
  mkdirSync(notes)
  const path = script(directory, `echo "$COPILOT_HOME" > ${notes}/$$\nexec ${real} "$@"`)
  return {
    env: { COPILOT_CLI_PATH: path },
    /** The processes started so far. */
    started: () => readdirSync(notes).map(pid => ({ pid: Number(pid), directory: readFileSync(join(notes, pid), 'utf8').trim() }))
  }
}

/** An executable shell script in the directory. */
export function script (directory: string, lines: string, mode = 0o755): string {
  const path = join(directory, 'runtime')
  writeFileSync(path, `#!/bin/sh\n${lines}\n`, { mode })
  return path
}

/** Whether the process lives. */
export function alive (pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** The executable that the SDK brought for this platform. */
function bundledRuntime (): string {
  const scope = join(createRequire(import.meta.url).resolve('@github/copilot-sdk'), '../../../..')
  const found = readdirSync(scope).filter(name => name.startsWith('copilot-sdk-'))
    .flatMap(name => readdirSync(join(scope, name, 'prebuilds')).map(platform => join(scope, name, 'prebuilds', platform, 'copilot-runtime')))
  if (!found[0]) throw new Error('@github/copilot-sdk has no package for this platform')
  return found[0]
}
