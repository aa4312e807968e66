import { execFileSync } from 'node:child_process'
import { mkdtemp, mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { test } from 'tap'
import { startIn } from '../entry/process.ts'
import { ask, streams, upstream } from '../helper.ts'
import { plain } from '../plain.ts'
import { codeBlocks } from './tables.ts'

const root = resolve(import.meta.dirname, '../..')

test('the example of docs/embedding.md compiles as it stands, and runs', async t => {
  // Within the checkout, so that Fastify and the types of Node are found.
  const directory = await mkdtemp(join(root, 'node_modules/.cache-embedding-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  await mkdir(join(directory, 'node_modules'))
  const installed = join(directory, 'node_modules/copilot-stream-gateway')
  await mkdir(installed)
  // The package as TypeScript sources: what its compiled form gives is tested with the tarball.
  await writeFile(join(installed, 'package.json'), JSON.stringify({ type: 'module', exports: './app.ts' }))
  await symlink(join(root, 'app.ts'), join(installed, 'app.ts'))

  const [example = ''] = await codeBlocks('docs/embedding.md', 'ts')
  await writeFile(join(directory, 'package.json'), '{"type":"module"}')
  await writeFile(join(directory, 'host.ts'), example)
  t.equal(execFileSync(...plain(process.execPath, join(root, 'node_modules/typescript/bin/tsc'), '--noEmit', '--strict', '--ignoreConfig', '--skipLibCheck', '--allowImportingTsExtensions', '--resolveJsonModule',
    '--target', 'es2023', '--lib', 'es2023,es2024.string', '--module', 'nodenext', '--types', 'node', 'host.ts'), { cwd: directory, encoding: 'utf8' }), '')

  const service = await upstream(t, { '/chat/stream': streams('Hello') })
  await writeFile(join(directory, 'running.ts'), example.replace('https://copilot.internal.example', service.url).replace('8080', '0'))
  const host = startIn(t, directory, [process.execPath, '--import=ts-blank-space/register', 'running.ts'], {})
  const url = await host.url()
  t.equal(await (await fetch(url)).text(), 'my own page')
  t.equal(await (await ask(`${url}/ai`)).text(), 'Hello')
})
