import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { plain } from '../plain.ts'

const run = promisify(execFile)
const root = resolve(import.meta.dirname, '../..')

/** What a copy of the sources needs none of: what others write meanwhile, and what is not a part of the project. */
const LEFT_OUT = ['node_modules', 'dist', '.git', '.tap', 'test', 'docs', 'bench/results']

/** A directory under the system's own one for temporary files: nothing above it has packages. It goes with the test. */
export async function emptyDirectory (t: Test): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'package-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  return directory
}

/** The tarballs of the gateway and of its client, packed from a copy of the sources by the command that publishes them. */
export async function pack (t: Test): Promise<{ gateway: string, client: string }> {
  const directory = await emptyDirectory(t)
  const sources = join(directory, 'sources')
  await mkdir(sources)
  for (const name of await readdir(root)) {
    if (!LEFT_OUT.includes(name)) await cp(join(root, name), join(sources, name), { recursive: true, filter: source => !/\/(dist|results|[^/]+\.tgz)$/.test(source) })
  }
  await symlink(join(root, 'node_modules'), join(sources, 'node_modules'))
  await npm(sources, 'pack', '--pack-destination', directory)
  await npm(join(sources, 'client'), 'pack', '--pack-destination', directory)
  await rm(sources, { recursive: true })
  const tarballs = await readdir(directory)
  const named = (pattern: RegExp): string => join(directory, tarballs.find(name => pattern.test(name)) ?? 'none')
  return { gateway: named(/^copilot-stream-gateway-\d/), client: named(/^copilot-stream-gateway-client-\d/) }
}

/** Runs npm in a directory, as a person would: with nothing of this project's or of the test runner's settings. */
export async function npm (directory: string, ...words: string[]): Promise<string> {
  return await command(directory, 'npm', ...words, '--no-audit', '--no-fund', '--prefer-offline')
}

/** Runs a program in a directory and resolves with what it wrote; rejects, with that in the message, when it fails. */
export async function command (directory: string, ...words: string[]): Promise<string> {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(npm_(package|lifecycle|command|execpath|node_execpath)|npm_config_local_prefix|INIT_CWD)/i.test(name)))
  const { stdout, stderr } = await run(...plain(...words), { cwd: directory, env, maxBuffer: 16 * 1024 * 1024 }).catch((error: Error & { stdout?: string, stderr?: string }) => {
    throw new Error(`${words.join(' ')}: ${error.message}\n${error.stdout}\n${error.stderr}`)
  })
  return stdout + stderr
}

/** The files of a tarball, without the folder that npm puts around them. */
export async function files (tarball: string): Promise<string[]> {
  const { stdout } = await run('tar', ['-tzf', tarball])
  return stdout.trim().split('\n').map(name => name.replace(/^package\//, '')).sort()
}
