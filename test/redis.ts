import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'
import { freePort } from './ports.ts'
import { program } from './programs.ts'

/** A real Redis on a loopback port, with nothing on disk. */
export class RedisServer {
  readonly port: number
  readonly #command: readonly [string, ...string[]]
  #child: ChildProcess | undefined

  constructor (path: string, port: number, options: readonly string[]) {
    this.port = port
    this.#command = [path, '--bind', '127.0.0.1', '--port', String(port), '--save', '', ...options]
  }

  get url (): string { return `redis://127.0.0.1:${this.port}` }

  /** Starts it, again on the same port after it was stopped: empty. Resolves when it answers. */
  async start (...options: readonly string[]): Promise<void> {
    const [path, ...words] = this.#command
    const child = this.#child = spawn(path, [...words, ...options], { stdio: ['ignore', 'pipe', 'inherit'] })
    for await (const line of createInterface(child.stdout)) if (line.includes('Ready to accept connections')) break
    child.stdout.resume()
    if (child.exitCode !== null) throw new Error(`redis-server ended with ${child.exitCode}`)
  }

  /** Ends it: at once, by default, as a machine without power does. */
  async stop (signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }

  /** Has it answer nothing until {@link resume}; its port goes on to accept connections. */
  pause (): void { this.#child?.kill('SIGSTOP') }

  resume (): void { this.#child?.kill('SIGCONT') }
}

/** Starts a Redis with further options of its command line; it stops with the test. Undefined where there is no redis-server, as {@link program} has it. */
export async function redisServer (t: Test, ...options: readonly string[]): Promise<RedisServer | undefined> {
  const path = program(t, 'redis-server', 'redis-server')
  if (path === undefined) return undefined
  const server = new RedisServer(path, await freePort(), options)
  t.teardown(() => server.stop())
  await server.start()
  return server
}
