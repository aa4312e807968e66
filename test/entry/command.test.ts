import { once } from 'node:events'
import { chmodSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import tap, { test, type Test } from 'tap'
import pkg from '../../package.json' with { type: 'json' }
import { NODE, start, startIn } from './process.ts'

// A dozen processes, on a machine that may have other things to do.
tap.setTimeout(180_000)

const entry = fileURLToPath(new URL('../../server.ts', import.meta.url))

/** Runs the command to its end. */
async function run (t: Test, args: readonly string[], env: Record<string, string> = {}, files: Parameters<typeof start>[3] = {}) {
  const command = start(t, [...NODE, entry, ...args], env, files)
  const code = await command.ended
  return { code, stdout: command.stdout, stderr: command.stderr }
}

test('--help and --version print and start nothing', async t => {
  t.match(await run(t, ['--help']), { code: 0, stdout: /^Usage: copilot-stream-gateway .*--env-file/s, stderr: '' })
  t.match(await run(t, ['--version']), { code: 0, stdout: `${pkg.version}\n`, stderr: '' })
})

test('an option that there is not is one line and code 1', async t => {
  t.match(await run(t, ['--prot', '1']), { code: 1, stdout: '', stderr: '--prot is no option: --port is meant, perhaps; --help lists them\n' })
})

test('--check prints the settings in effect and where each is from, and no secret', async t => {
  const files = { '.env': '\ufeffLOG_LEVEL=warn\r\nexport API_KEYS=web:s3cret\r\nMETRICS_TOKEN_FILE=token', token: 's3cret\n' }
  const { code, stdout, stderr } = await run(t, ['--check', '--port', '8080'], { AUTH_MODE: 'api-key', COPILOT_SERVICE_URL: 'https://me:s3cret@copilot.example/v1', MAX_STREEMS: '7', LOG_LEVEL: '' }, files)
  t.equal(code, 0)
  for (const line of [
    'PORT = 8080  (flag)', 'LOG_LEVEL = warn  (.env)', 'AUTH_MODE = api-key  (environment)', 'API_KEYS = (hidden)  (.env)', 'METRICS_TOKEN = (hidden)  (file token)', 'MAX_STREAMS = 1000  (default)',
    'JWT_SECRET = (empty)  (default)', 'COPILOT_SERVICE_URL = https://[redacted]@copilot.example/v1  (environment)'
  ]) t.ok(stdout.split('\n').includes(line), line)
  t.notMatch(stdout + stderr, 's3cret')
  t.notMatch(stdout, 'COPILOT_ENGINE', 'there is no companion')
  t.equal(stderr, 'MAX_STREEMS is no setting: MAX_STREAMS is meant, perhaps\n')
})

test('--check with the companion prints its settings, too', async t => {
  const { code, stdout } = await run(t, ['--check', '--env-file', 'prod.env'], { COPILOT_SERVICE_URL: '' }, { 'prod.env': 'COPILOT_ENGINE=demo\nPORT=4000', '.env': 'not settings at all' })
  t.equal(code, 0)
  t.match(stdout, /^COPILOT_ENGINE = demo {2}\(file prod\.env\)$/m)
  t.match(stdout, /^COPILOT_PROVIDER_API_KEY = \(empty\) {2}\(default\)$/m)
})

test('--check says what a start would refuse, in one line and by code 1', async t => {
  t.match(await run(t, ['--check', '--port', 'abc']), { code: 1, stdout: '', stderr: 'PORT must be integer (0 to 65535), not "abc"\n' })
  t.match(await run(t, ['--check'], { COPILOT_SERVICE_URL: '', COPILOT_ENGINE: 'magic' }), { code: 1, stdout: '', stderr: 'COPILOT_ENGINE must be one of auto, sdk, demo, not "magic"\n' })
})

test('--port, --host and --open count for a start', async t => {
  const directory = t.testdir({ bin: { 'xdg-open': '#!/bin/sh\necho "$1" > "$OPENED.new"; mv "$OPENED.new" "$OPENED"\n' } })
  chmodSync(join(directory, 'bin/xdg-open'), 0o755)
  const OPENED = join(directory, 'opened')
  const env = { COPILOT_SERVICE_URL: 'http://127.0.0.1:9', PORT: 'abc', OPENED, PATH: `${directory}/bin:${process.env.PATH}` }
  const gateway = startIn(t, directory, [...NODE, entry, '--port', '0', '--host', '127.0.0.2', '--open'], env)
  const url = await gateway.url()
  t.match(url, /^http:\/\/127\.0\.0\.2:\d+$/)
  while (!existsSync(OPENED)) await new Promise(resolve => setImmediate(resolve))
  t.equal(readFileSync(OPENED, 'utf8'), `${url}\n`)
  gateway.kill('SIGTERM')
  t.equal(await gateway.ended, 0)
})

test('a page that cannot be opened is a warning', async t => {
  const directory = t.testdir({ env: t.fixture('symlink', '/usr/bin/env') })
  const without: Array<Record<string, string>> = [{ PATH: directory }, { DEMO_PAGE: 'off' }]
  for (const env of without) {
    const gateway = startIn(t, directory, [...NODE, entry, '--open'], { COPILOT_SERVICE_URL: 'http://127.0.0.1:9', ...env })
    await gateway.url()
    while (!gateway.stdout.includes('"msg":"no page was opened"')) await once(gateway, 'output')
    gateway.kill('SIGTERM')
    t.equal(await gateway.ended, 0)
  }
})
