import { execFileSync } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { fileURLToPath } from 'node:url'
import tap, { test } from 'tap'
import pkg from '../../package.json' with { type: 'json' }
import { ask, streams, upstream } from '../helper.ts'
import { buildPage } from '../page/build.ts'
import { plain } from '../plain.ts'
import { raw } from '../raw.ts'
import { scrape } from '../scrape.ts'
import { start, startIn } from './process.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const { scripts } = pkg

// A dozen processes, on a machine that may have other things to do.
tap.setTimeout(180_000)

// What is compiled may be old, or absent; all compiled entry points are tested in this one file, so that nothing else writes it meanwhile.
for (const project of ['tsconfig.build.json', 'tsconfig.client.json']) {
  execFileSync(...plain(process.execPath, `${root}node_modules/typescript/bin/tsc`, '-b', `${root}${project}`), { stdio: 'inherit' })
}

await buildPage(`${root}dist/public`)

/** The commands of package.json, with paths that hold in any directory. */
const server = command(scripts.start)
const cli = command(scripts['start:cli'])
const nowhere = { COPILOT_SERVICE_URL: 'http://127.0.0.1:9' }

function command (script: string): string[] {
  return script.split(' ').flatMap(word => {
    if (word === 'node') return [process.execPath]
    if (word === 'fastify') return [process.execPath, `${root}node_modules/fastify-cli/cli.js`]
    return [word.includes('/') ? root + word : word]
  })
}

for (const [name, entryPoint] of [['npm start', server], ['npm run start:cli', cli]] as const) {
  test(`${name} listens on loopback, answers, and ends with code 0 on SIGTERM`, async t => {
    const service = await upstream(t, { '/chat/stream': streams('fine') })
    const gateway = start(t, entryPoint, { COPILOT_SERVICE_URL: service.url, METRICS_PORT: '0' })
    const url = await gateway.url()
    t.match(url, /^http:\/\/127\.0\.0\.1:\d+$/)
    t.match(await (await fetch(`${url}/health`)).json(), { ok: true, service: 'gateway' })
    const response = await ask(url, undefined, { headers: { 'x-request-id': 'entry.1' } })
    t.equal(response.headers.get('x-request-id'), 'entry.1')
    t.equal(await response.text(), 'fine')
    const metrics = /"url":"(http:[^"]+)\/metrics"/.exec(gateway.stdout)?.[1] ?? ''
    t.match((await scrape(metrics)).counted('gateway_requests_total'), { '/health 200': 1 })
    // A connection ends with its hundredth reply, which takes the options of app.ts.
    const replies = await raw(Number(new URL(url).port), 'GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(101))
    t.equal(replies.match(/HTTP\/1\.1 200 /g)?.length, 100)
    t.match(await (await fetch(url)).text(), /^<!doctype html>/)
    gateway.kill('SIGTERM')
    t.equal(await gateway.ended, 0)
    t.ok(gateway.stdout.includes(`"to try it, open ${url}"`), 'the address to open')
    t.match(gateway.stdout, /"requestId":"entry\.1".*"ended":"complete"/)
    t.equal(gateway.stderr, '')
  })

  test(`${name} refuses a bad value with a line that names it, and code 1`, async t => {
    const gateway = start(t, entryPoint, { COPILOT_SERVICE_URL: 'nonsense' })
    t.equal(await gateway.ended, 1)
    t.match(gateway.stdout + gateway.stderr, /^.*COPILOT_SERVICE_URL must be an http:\/\/ or https:\/\/ URL.*$/m)
  })

  test(`${name} refuses addresses that others can reach with a line that names the three choices, and code 1`, async t => {
    const gateway = start(t, entryPoint, { ...nowhere, HOST: '0.0.0.0' })
    t.equal(await gateway.ended, 1)
    t.match(gateway.stdout, /AUTH_MODE must be none, api-key or jwt to listen on 0\.0\.0\.0/)
    t.notMatch(gateway.stdout, /Server listening/)
  })

  test(`${name} listens there once AUTH_MODE=none says so`, async t => {
    const gateway = start(t, entryPoint, { ...nowhere, HOST: '0.0.0.0', AUTH_MODE: 'none' })
    await t.resolves(gateway.url())
  })
}

// The lines that `engines` names, beside the one that CI has, by npm's own packages of them, which are for Linux.
for (const [major, name] of [[22, 'node22'], [24, 'node'], [26, 'node26']] as const) {
  test(`Node ${major} starts it, answers with it, and ends it on SIGTERM once the answer is whole`, async t => {
    const goOn = new EventEmitter()
    const service = await upstream(t, {
      '/chat/stream': async reply => {
        reply.writeHead(200, { 'content-type': 'text/plain' }).write('half an answer')
        await once(goOn, 'drained')
        reply.end(', and the rest')
      }
    })
    const node = `${root}test/clients-newest/node_modules/${name}-${process.platform}-${process.arch}/bin/node`
    t.match(execFileSync(node, ['--version'], { encoding: 'utf8' }), new RegExp(`^v${major}\\.`))
    const gateway = start(t, [node, `${root}dist/server.js`], { COPILOT_SERVICE_URL: service.url })
    const url = await gateway.url()
    const reading = (await ask(url)).text()
    gateway.kill('SIGTERM')
    while (!gateway.stdout.includes('"draining"')) await once(gateway, 'output')
    goOn.emit('drained')
    t.equal(await reading, 'half an answer, and the rest')
    t.equal(await gateway.ended, 0)
    t.equal(gateway.stderr, '', 'nothing is deprecated there')
  })
}

test('npm start says that it builds, and takes options behind --', async t => {
  const directory = t.testdir({ 'settings.env': 'LOG_LEVEL=info' })
  const gateway = startIn(t, root, ['npm', 'start', '--', '--port', '0', '--host', '127.0.0.2', '--env-file', `${directory}/settings.env`], { ...nowhere, PORT: 'abc' })
  t.match(await gateway.url(), /^http:\/\/127\.0\.0\.2:\d+$/)
  t.match(gateway.stdout, /^Building what has changed since the last build$/m)
  // npm may keep the signal to itself.
  process.kill(Number(/"pid":(\d+)/.exec(gateway.stdout)?.[1]), 'SIGTERM')
  t.equal(await gateway.ended, 0)
})

test('fastify start refuses them by FASTIFY_ADDRESS, too', async t => {
  const gateway = start(t, cli, { ...nowhere, FASTIFY_ADDRESS: '0.0.0.0', METRICS_PORT: '0' })
  t.equal(await gateway.ended, 1, 'which the listener of METRICS_PORT does not hold up')
  t.match(gateway.stdout, /AUTH_MODE must be none, api-key or jwt to listen on 0\.0\.0\.0/)
})

test('the package gives the application and the client, with types that need neither Node nor other files', async t => {
  const directory = t.testdir({
    node_modules: { 'copilot-stream-gateway': t.fixture('symlink', root) },
    'page.ts': "import { ChatError, createChatClient, type Answer } from 'copilot-stream-gateway/client'\n" +
      "export const answer: Answer = createChatClient({ baseUrl: '', headers: () => ({ Authorization: 'x' }) }).ask({ prompt: 'Hi' })\n" +
      'export const kind: string = new ChatError(\'network\', \'\').errorType\n'
  })
  const run = (...words: string[]): string => execFileSync(...plain(process.execPath, ...words), { cwd: directory, encoding: 'utf8' })
  t.equal(run('--input-type=module', '-e', "const { createChatClient } = await import('copilot-stream-gateway/client'); console.log(typeof createChatClient, typeof (await import('copilot-stream-gateway')).default)"), 'function function\n')
  for (const [module, resolution] of [['esnext', 'bundler'], ['nodenext', 'nodenext']] as const) {
    t.equal(run(`${root}node_modules/typescript/bin/tsc`, '--noEmit', '--strict', '--ignoreConfig', '--lib', 'es2022,dom', '--target', 'es2022', '--module', module, '--moduleResolution', resolution, 'page.ts'), '')
  }
})
