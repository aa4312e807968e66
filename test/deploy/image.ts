import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { Copy, DockerfileParser, Env, From, type Instruction } from 'dockerfile-ast'
import type { Test } from 'tap'
import { plain } from '../plain.ts'

const run = promisify(execFile)

/** The root of the repository, which images are built from. */
const context = resolve(import.meta.dirname, '../..')

/** What a Dockerfile makes, as a directory of this machine. */
export interface Image {
  /** What the image has as its root directory. */
  readonly root: string
  /** `WORKDIR`, within the root. */
  readonly workdir: string
  readonly env: Readonly<Record<string, string>>
  readonly cmd: readonly string[]
  readonly healthcheck: readonly string[]
}

/**
 * Carries out a Dockerfile as far as that goes without Docker: each stage is a directory, its COPY and RUN instructions
 * are done in it, and the last stage is the result. The base image is this machine; packages come from npm's cache when
 * they are in it. A full `npm ci` is not repeated: the stage gets this checkout's packages, which the same command made.
 */
export async function buildImage (t: Test, dockerfile: string): Promise<Image> {
  const directory = await mkdtemp(join(tmpdir(), 'image-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const stages = new Map<string, Stage>()
  let stage: Stage | undefined

  for (const instruction of DockerfileParser.parse(await readFile(join(context, dockerfile), 'utf8')).getInstructions()) {
    if (instruction instanceof From) {
      const name = instruction.getBuildStage() ?? 'image'
      stage = { root: join(directory, name), workdir: '/', env: {}, cmd: [], healthcheck: [] }
      stages.set(name, stage)
    } else if (stage) {
      await carryOut(instruction, stage, stages)
    }
  }
  if (!stage) throw new Error(`${dockerfile} has no FROM`)
  return stage
}

type Stage = { -readonly [key in keyof Image]: Image[key] }

async function carryOut (instruction: Instruction, stage: Stage, stages: ReadonlyMap<string, Stage>): Promise<void> {
  const content = instruction.getArgumentsContent() ?? ''
  const workdir = join(stage.root, stage.workdir)
  if (instruction instanceof Copy) {
    await copy(instruction, stage, stages)
  } else if (instruction instanceof Env) {
    stage.env = { ...stage.env, ...Object.fromEntries(instruction.getProperties().map(property => [property.getName(), property.getValue() ?? ''])) }
  } else {
    switch (instruction.getKeyword()) {
      case 'WORKDIR':
        stage.workdir = content
        await mkdir(join(stage.root, content), { recursive: true })
        break
      case 'RUN':
        if (content.startsWith('npm ci') && !content.includes('--omit')) await symlink(join(context, 'node_modules'), join(workdir, 'node_modules'))
        else await run(...plain('/bin/sh', '-c', content), { cwd: workdir, env: { ...machine(), ...stage.env } })
        break
      case 'CMD':
        stage.cmd = JSON.parse(content)
        break
      case 'HEALTHCHECK':
        stage.healthcheck = JSON.parse(content.slice(content.indexOf('[')))
    }
  }
}

async function copy (instruction: Copy, stage: Stage, stages: ReadonlyMap<string, Stage>): Promise<void> {
  const paths = instruction.getArguments().map(argument => argument.getValue())
  const target = join(stage.root, stage.workdir, paths.pop() ?? '')
  const from = instruction.getFromFlag()?.getValue()
  const source = from ? stages.get(from)?.root ?? '' : context
  for (const path of paths) {
    if (path === '.') {
      for (const name of await sent()) await cp(join(source, name), join(target, name), { recursive: true })
    } else {
      // A file goes into a directory, a directory's content becomes the target's.
      await cp(join(source, path), paths.length > 1 || target.endsWith('/') ? join(target, basename(path)) : target, { recursive: true })
    }
  }
}

/** What Docker sends of the repository: .dockerignore leaves out everything, and then lists what is not left out. */
async function sent (): Promise<string[]> {
  const lines = (await readFile(join(context, '.dockerignore'), 'utf8')).split('\n').filter(line => line && !line.startsWith('#'))
  if (lines.shift() !== '*' || lines.some(line => !line.startsWith('!'))) throw new Error('.dockerignore is not a list of what is sent')
  const { stdout } = await run('ls', [context])
  return stdout.split('\n').filter(name => lines.includes(`!${name}`))
}

/** What of this process's environment a command gets: how to find programs and packages, and nothing of the test runner. */
function machine (): Record<string, string> {
  const names = ['PATH', 'HOME', 'TMPDIR', 'npm_config_cache', 'npm_config_registry', 'npm_config_userconfig']
  const found = names.flatMap(name => process.env[name] ? [[name, process.env[name]]] : [])
  return { ...Object.fromEntries(found), npm_config_prefer_offline: 'true', npm_config_update_notifier: 'false' }
}

/** A container, as far as one process makes one. */
export interface Container {
  readonly process: ChildProcess
  /** Resolves with the first line of the log, past or future, whose message matches. */
  message (pattern: RegExp): Promise<string>
  /** Resolves with the exit code once the process has ended. */
  readonly exitCode: Promise<number | null>
}

/** Runs an image's CMD with the given variables besides its own; it ends with the test. */
export function start (t: Test, { root, workdir, env, cmd: [command = '', ...args] }: Image, environment: Record<string, string>): Container {
  const child = spawn(...plain(command, ...args), { cwd: join(root, workdir), env: { ...machine(), ...env, ...environment }, stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  const messages: string[] = []
  const lines = createInterface({ input: child.stdout })
  lines.on('line', line => messages.push(String(JSON.parse(line).msg)))
  const exitCode = once(child, 'exit').then(([code]) => code)
  return {
    process: child,
    exitCode,
    async message (pattern) {
      for (;;) {
        const found = messages.find(message => pattern.test(message))
        if (found) return found
        await Promise.race([once(lines, 'line'), once(lines, 'close').then(() => { throw new Error(`the log ended without ${pattern}`) })])
      }
    }
  }
}

/** Runs an image's HEALTHCHECK and resolves with its exit code, which is 0 for healthy. */
export async function checkHealth ({ root, workdir, env, healthcheck: [command = '', ...args] }: Image, environment: Record<string, string>): Promise<number | null> {
  const child = spawn(...plain(command, ...args), { cwd: join(root, workdir), env: { ...machine(), ...env, ...environment }, stdio: 'inherit' })
  const [code] = await once(child, 'exit')
  return code
}
