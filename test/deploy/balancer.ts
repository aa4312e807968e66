import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { build } from 'esbuild'
import type { Test } from 'tap'
import { type GatewayProcess, startIn } from '../entry/process.ts'
import { type Script, upstream, type Upstream } from '../helper.ts'
import { connects, freePort } from '../ports.ts'

const root = resolve(import.meta.dirname, '../..')

/** How a balancer is run: the configuration that is shipped, and the command for a file in a directory that is its own. */
export interface Balancer {
  readonly config: string
  readonly command: (file: string, directory: string) => readonly [string, ...string[]]
}

/** Two gateways behind a balancer, all of them real processes, and the service behind both. */
export interface Balanced {
  readonly port: number
  readonly url: string
  readonly replicas: readonly [GatewayProcess, GatewayProcess]
  readonly service: Upstream
  /** How the service answers. */
  script: Script
  /** Changes the configuration, in which every replica has its place in `addresses`, and has it read again on SIGHUP. */
  reconfigure (change: (config: string, addresses: readonly string[]) => string): Promise<void>
}

/** Starts two gateways and a balancer with the configuration that is shipped, its addresses alone replaced; all stop with the test. */
export async function balance (t: Test, balancer: Balancer, environment: Record<string, string>): Promise<Balanced> {
  const directory = await mkdtemp(join(tmpdir(), 'balancer-'))
  t.teardown(() => rm(directory, { recursive: true }))
  const service = await upstream(t, { '/chat/stream': (reply, request) => balanced.script(reply, request) })
  const server = await bundle(directory)
  const replica = () => startIn(t, directory, [process.execPath, server], { COPILOT_SERVICE_URL: service.url, TRUST_PROXY: 'loopback', ALLOWED_HOSTS: 'gateway.example.com', ...environment })
  const replicas = [replica(), replica()] as const
  const addresses = await Promise.all(replicas.map(async replica => new URL(await replica.url()).host))

  const port = await freePort()
  const file = join(directory, 'config')
  const own = [`127.0.0.1:${port}`, ...addresses]
  const shipped = await readFile(resolve(root, balancer.config), 'utf8')
  const config = shipped.replace(/127\.0\.0\.1:(8080|3000|3010)/g, (_, number) => String(own[['8080', '3000', '3010'].indexOf(number)]))
  await writeFile(file, config)

  const [program, ...words] = balancer.command(file, directory)
  const child = spawn(program, words, { stdio: ['ignore', 'inherit', 'inherit'] })
  const ended = once(child, 'exit')
  t.teardown(async () => {
    // Not SIGKILL, which would leave the workers of a master alone.
    child.kill('SIGTERM')
    await ended
  })
  let over = false
  void ended.then(() => { over = true })
  while (!await connects(port)) {
    if (over) throw new Error(`${program} ended before it listened`)
    await sleep(20)
  }

  const balanced: Balanced = {
    port,
    url: `http://127.0.0.1:${port}`,
    replicas,
    service,
    script: reply => reply.end(),
    async reconfigure (change) {
      await writeFile(file, change(config, addresses))
      child.kill('SIGHUP')
    }
  }
  return balanced
}

/** Makes the gateway's server one file, apart from dist/, which another test may be writing. */
async function bundle (directory: string): Promise<string> {
  await symlink(resolve(root, 'node_modules'), join(directory, 'node_modules'))
  const outfile = join(directory, 'server.mjs')
  await build({ entryPoints: [resolve(root, 'server.ts')], outfile, bundle: true, packages: 'external', platform: 'node', format: 'esm', logLevel: 'error' })
  return outfile
}
