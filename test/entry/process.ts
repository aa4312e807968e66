import { spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import type { Test } from 'tap'
import { plain } from '../plain.ts'

const root = new URL('../../', import.meta.url)

/** Node with the loaders of this process, which run a TypeScript file from any directory; what it covers counts. */
export const NODE: readonly string[] = [process.execPath, ...process.execArgv.map(word => word.replace('--import=./', `--import=${root}`))]

/** A gateway in a process of its own. */
export class GatewayProcess extends EventEmitter {
  /** What it has written so far. */
  stdout = ''
  stderr = ''
  /** Its exit code, or the signal that ended it, once it has closed its output. */
  readonly ended: Promise<number | string>
  readonly #kill: (signal: NodeJS.Signals) => void

  constructor (command: readonly string[], cwd: string, env: NodeJS.ProcessEnv) {
    super()
    const child = spawn(...plain(...command), { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
    child.stdout.on('data', chunk => { this.stdout += String(chunk); this.emit('output') })
    child.stderr.on('data', chunk => { this.stderr += String(chunk) })
    this.ended = once(child, 'close').then(([code, signal]) => {
      this.emit('output')
      return code ?? signal
    })
    this.#kill = signal => child.kill(signal)
  }

  /** Where it listens, as its log says; rejects when it ends before it does. */
  async url (): Promise<string> {
    let over = false
    void this.ended.then(() => { over = true })
    for (;;) {
      const url = /Server listening at (http:[^"]+)/.exec(this.stdout)?.[1]
      if (url) return url
      if (over) throw new Error(`it ended before it listened: ${this.stdout}${this.stderr}`)
      await once(this, 'output')
    }
  }

  kill (signal: NodeJS.Signals): void {
    this.#kill(signal)
  }
}

/** Starts a command in an empty directory, with `env` on top of this process's environment; it ends with the test. */
export function start (t: Test, command: readonly string[], env: Record<string, string>, files: NonNullable<Parameters<Test['testdir']>[0]> = {}): GatewayProcess {
  return startIn(t, t.testdir(files), command, env)
}

/** Starts a command in a directory, as {@link start} does. */
export function startIn (t: Test, directory: string, command: readonly string[], env: Record<string, string>): GatewayProcess {
  const gateway = new GatewayProcess(command, directory, { ...process.env, PORT: '0', HOST: '', AUTH_MODE: '', LOG_LEVEL: '', ...env })
  t.teardown(() => {
    gateway.kill('SIGKILL')
    return gateway.ended
  })
  return gateway
}
