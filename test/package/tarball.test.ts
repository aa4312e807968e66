import { existsSync, readFileSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import tap, { test } from 'tap'
import { codeBlocks } from '../docs/tables.ts'
import { ask } from '../helper.ts'
import { startIn } from '../entry/process.ts'
import { command, emptyDirectory, files, npm, pack } from './pack.ts'

// Two builds, and the installation of everything that the gateway depends on.
tap.setTimeout(300_000)

const root = join(import.meta.dirname, '../..')
const tarballs = pack(tap)

test('the packages hold what runs, and nothing else', async t => {
  const { gateway, client } = await tarballs
  const inGateway = await files(gateway)
  for (const file of ['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md', 'dist/app.js', 'dist/app.d.ts', 'dist/server.js', 'dist/copilot/server.js', 'dist/client/index.js', 'dist/public/main.js']) {
    t.ok(inGateway.includes(file), file)
  }
  t.strictSame(inGateway.filter(file => !/^(dist\/|package\.json$|README\.md$|LICENSE$|CHANGELOG\.md$)/.test(file)), [], 'no sources, tests, documents')
  t.strictSame(inGateway.filter(file => /\.map$|tsbuildinfo|^dist\/(bench|test)\/|(?<!\.d)\.ts$/.test(file)), [], 'nothing of the build, of tests, of benchmarks')

  const inClient = await files(client)
  t.strictSame(inClient.filter(file => !/^(dist\/[\w-]+\.(js|d\.ts)|package\.json|README\.md|LICENSE)$/.test(file)), [])
  t.ok(inClient.includes('dist/index.js') && inClient.includes('dist/index.d.ts'))
})

test('installed from its tarball into an empty directory, the gateway starts by its command and answers', async t => {
  const { gateway } = await tarballs
  const directory = await emptyDirectory(t)
  await writeFile(join(directory, 'package.json'), '{"private":true,"type":"module"}')
  await npm(directory, 'install', '--omit=optional', gateway)

  // What npx runs, without npx in between, which would not pass the end of the test on.
  const running = startIn(t, directory, ['node_modules/.bin/copilot-stream-gateway', '--port', '0'], { PORT: 'abc' })
  const url = await running.url()
  t.match(await (await ask(url)).text(), /\S/)
  t.match(await (await fetch(url)).text(), /^<!doctype html>/i, 'the page is there')

  await t.test('without the Copilot SDK, a start that needs it says how to get it', async t => {
    const lacking = startIn(t, directory, ['node', 'node_modules/copilot-stream-gateway/dist/server.js'], { COPILOT_ENGINE: 'sdk', COPILOT_GITHUB_TOKEN: 'github_pat_aaaaaaaaaaaaaaaaaaaa' })
    t.equal(await lacking.ended, 1)
    t.match(lacking.stdout + lacking.stderr, /npm install @github\/copilot-sdk/)
  })

  await t.test('TypeScript knows what it exports', async t => {
    await writeFile(join(directory, 'host.ts'), await readFile(join(import.meta.dirname, 'host.fixture'), 'utf8'))
    const listed = (await compile(directory, 'nodenext', 'nodenext', 'host.ts', '--types', 'node', '--typeRoots', join(root, 'node_modules/@types'), '--listFiles')).trim().split('\n')
    t.strictSame(listed.filter(line => !existsSync(resolve(directory, line))), [], 'it finds nothing wrong')
    const declarations = listed.filter(file => file.includes('/copilot-stream-gateway/dist/'))
    t.ok(declarations.length > 1)
    t.strictSame(declarations.filter(file => readFileSync(file, 'utf8').includes("declare module 'fastify'")), [], 'what the gateway decorates its own Fastify with is not declared to its host')
  })
})

test('the client alone serves an app that Vite builds, and its types resolve in every way', async t => {
  const { client } = await tarballs
  const directory = await emptyDirectory(t)
  await writeFile(join(directory, 'package.json'), '{"private":true,"type":"module"}')
  await writeFile(join(directory, 'index.html'), '<!doctype html><script type="module" src="/main.ts"></script>')
  await writeFile(join(directory, 'main.ts'), "import { ChatError, createChatClient, type Answer } from 'copilot-stream-gateway-client'\n" +
    "const answer: Answer = createChatClient({ baseUrl: '' }).ask({ prompt: 'Hi' })\n" +
    'answer.text.then(text => { document.title = text }, (error: unknown) => { if (error instanceof ChatError) document.title = error.errorType })\n')
  const [example = ''] = await codeBlocks(join(root, 'README.md'), 'ts')
  await writeFile(join(directory, 'readme.ts'), example)
  await npm(directory, 'install', client)
  t.strictSame(Object.keys(JSON.parse(await readFile(join(directory, 'package-lock.json'), 'utf8')).packages), ['', 'node_modules/copilot-stream-gateway-client'], 'it brings nothing along')
  for (const [module, resolution] of [['esnext', 'bundler'], ['nodenext', 'nodenext'], ['node16', 'node16']] as const) {
    t.equal(await compile(directory, module, resolution, 'main.ts', 'readme.ts'), '', resolution)
  }

  await npm(directory, 'install', '--save-dev', 'vite@7')
  t.match(await command(directory, 'npx', '--no-install', 'vite', 'build'), /built in/)
})

/** What the compiler says of a file; nothing when all is well. */
async function compile (directory: string, module: string, moduleResolution: string, file: string, ...more: string[]): Promise<string> {
  return await command(directory, process.execPath, join(root, 'node_modules/typescript/bin/tsc'), '--noEmit', '--strict', '--ignoreConfig', '--skipLibCheck',
    '--lib', 'es2022,dom,dom.iterable,dom.asynciterable', '--target', 'es2022', '--module', module, '--moduleResolution', moduleResolution, ...more, file)
}
