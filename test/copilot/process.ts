import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** So that a developer's `.env` does not get in the way: what is set, though empty, is not read from it. */
const unset = Object.fromEntries([
  'NODE_ENV', 'HOST', 'LOG_LEVEL', 'DRAIN_TIMEOUT_MS', 'COPILOT_ENGINE', 'COPILOT_GITHUB_TOKEN', 'GH_TOKEN', 'GITHUB_TOKEN', 'COPILOT_PROVIDER_BASE_URL',
  'COPILOT_PROVIDER_TYPE', 'COPILOT_PROVIDER_API_KEY', 'COPILOT_MODEL', 'COPILOT_SESSION_TTL_MS', 'COPILOT_PROJECT_DIR', 'COPILOT_SERVICE_TOKEN'
].map(name => [name, '']))

/**
 * Starts copilot/server.ts as a process of its own, on a free port. It runs from source by the loaders of this process, and what it
 * covers counts.
 *
 * @param env - its configuration; there is no other, unless `directory` is given
 * @param directory - where it runs, so that a `.env` there is read
 */
export function serverProcess (t: Test, env: Record<string, string>, directory?: string) {
  const entry = fileURLToPath(new URL('../../copilot/server.ts', import.meta.url))
  // The loaders find their own files from the root, so it goes elsewhere only after they were loaded.
  const goThere = directory ? [`--import=data:text/javascript,process.chdir(${encodeURIComponent(JSON.stringify(directory))})`] : []
  const child = spawn(process.execPath, [...process.execArgv, ...goThere, entry], {
    cwd: root,
    env: { ...process.env, COPILOT_PORT: '0', ...(directory ? {} : unset), ...env },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  t.teardown(() => { child.kill('SIGKILL') })
  const errors = text(child.stderr)
  const exited = once(child, 'exit').then(([code]) => code)
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()

  /** The next line of the log whose message matches. */
  const line = async (message: RegExp): Promise<Record<string, unknown>> => {
    while (true) {
      const { done, value } = await lines.next()
      if (done) throw new Error(`the log ended without ${message}: ${await errors}`)
      const entry = JSON.parse(value)
      if (message.test(entry.msg)) return entry
    }
  }
  /** Where it listens, once it does. */
  const url = async () => String((await line(/^Server listening at/)).msg).replace('Server listening at ', '')
  return { child, errors, exited, line, url }
}
