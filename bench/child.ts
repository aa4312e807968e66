import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { options } from './options.ts'
import type { Question, Usage } from './probe.ts'

const profiling = options.profile ? ['--cpu-prof', `--cpu-prof-dir=${resolve(options.profile)}`] : []
const START_TIMEOUT_MS = 15_000

/** A program in a process of its own that listens on a loopback port and tells what it uses. */
export class Child {
  readonly url: string
  readonly #process: ChildProcess

  private constructor (process: ChildProcess, port: number) {
    this.#process = process
    this.url = `http://127.0.0.1:${port}`
  }

  /**
   * Runs a compiled module, given relative to this one, and resolves when it accepts connections. Of the environment it
   * gets `PATH`, `env` and a free `PORT` alone; what it prints to stdout is dropped.
   */
  static async start (module: string, env: Readonly<Record<string, string>> = {}): Promise<Child> {
    const port = await freePort()
    const file = new URL(module, import.meta.url).pathname
    const child = fork(file, {
      cwd: new URL('.', import.meta.url).pathname,
      env: { PATH: process.env.PATH, ...env, PORT: String(port) },
      execArgv: ['--expose-gc', '--import', new URL('probe.js', import.meta.url).href, ...profiling],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc']
    })
    const died = once(child, 'exit').then(([code, signal]) => { throw new Error(`${module} ended at start: ${signal ?? code}`) })
    try {
      await Promise.race([accepts(port), died])
    } catch (error) {
      child.kill('SIGKILL')
      throw error
    }
    died.catch(() => {})
    return new Child(child, port)
  }

  /** What the process has used so far. */
  async usage (): Promise<Usage> {
    return await this.#ask('usage')
  }

  /** What the process uses once its garbage is collected. */
  async settled (): Promise<Usage> {
    return await this.#ask('gc')
  }

  /** Has the process be busy for so many milliseconds in each turn of its event loop, from now on; 0 ends it. */
  async busy (ms: number): Promise<Usage> {
    return await this.#ask({ busyMs: ms })
  }

  /** Ends the process; does nothing when it has ended. */
  async stop (): Promise<void> {
    if (!this.#process.connected) return
    const exit = once(this.#process, 'exit')
    this.#process.disconnect()
    await exit
  }

  async #ask (question: Question): Promise<Usage> {
    const answer = once(this.#process, 'message', { signal: AbortSignal.timeout(10_000) })
    this.#process.send(question)
    const [usage] = await answer
    return usage
  }
}

async function freePort (): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

async function accepts (port: number): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MS
  for (;;) {
    const socket = connect(port, '127.0.0.1')
    try {
      await once(socket, 'connect')
      return
    } catch (error) {
      if (performance.now() > deadline) throw error
      await sleep(20)
    } finally {
      socket.destroy()
    }
  }
}
