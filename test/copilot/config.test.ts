import { realpathSync } from 'node:fs'
import { test } from 'tap'
import { readCopilotConfig, readServerConfig } from '../../copilot/config.ts'

const provider = { COPILOT_PROVIDER_BASE_URL: 'http://127.0.0.1:1/v1', COPILOT_MODEL: 'm' }

test('with nothing set the demo engine answers everybody', async t => {
  t.same(readCopilotConfig({}), {
    engine: 'demo', token: undefined, provider: undefined, model: undefined, serviceToken: undefined, sessionTtl: 1_800_000, projectDirectory: undefined, runtimeEnvironment: {}
  })
})

test('auto picks the SDK when a token or a provider is configured', async t => {
  t.equal(readCopilotConfig({ GH_TOKEN: 'x' }).engine, 'sdk')
  t.equal(readCopilotConfig(provider).engine, 'sdk')
  t.equal(readCopilotConfig({ ...provider, COPILOT_ENGINE: 'demo' }).engine, 'demo')
  t.equal(readCopilotConfig({ COPILOT_ENGINE: 'sdk' }).engine, 'sdk')
})

test('the first token that is not empty wins', async t => {
  const all = { COPILOT_GITHUB_TOKEN: 'a', GH_TOKEN: 'b', GITHUB_TOKEN: 'c' }
  t.same(readCopilotConfig(all).token, { value: 'a', variable: 'COPILOT_GITHUB_TOKEN' })
  t.same(readCopilotConfig({ ...all, COPILOT_GITHUB_TOKEN: '' }).token, { value: 'b', variable: 'GH_TOKEN' })
  t.same(readCopilotConfig({ ...all, COPILOT_GITHUB_TOKEN: '', GH_TOKEN: '' }).token, { value: 'c', variable: 'GITHUB_TOKEN' })
})

test('an empty variable counts as unset', async t => {
  const empty = { COPILOT_ENGINE: '', COPILOT_PROVIDER_BASE_URL: '', COPILOT_PROVIDER_TYPE: '', COPILOT_SERVICE_TOKEN: '', GITHUB_TOKEN: '' }
  t.same(readCopilotConfig(empty), readCopilotConfig({}))
})

test('a provider is read whole', async t => {
  t.match(readCopilotConfig({ ...provider, COPILOT_PROVIDER_API_KEY: 'k' }), {
    provider: { baseUrl: 'http://127.0.0.1:1/v1', type: 'openai', apiKey: 'k' }, model: 'm'
  })
  t.equal(readCopilotConfig({ ...provider, COPILOT_PROVIDER_TYPE: 'azure' }).provider?.type, 'azure')
})

test('a bad value is refused in one line that names the variable and the rule', async t => {
  t.throws(() => readCopilotConfig({ COPILOT_ENGINE: 'magic' }), { message: 'COPILOT_ENGINE must be one of auto, sdk, demo, not "magic"' })
  t.throws(() => readCopilotConfig({ COPILOT_PROVIDER_TYPE: 'x' }), { message: 'COPILOT_PROVIDER_TYPE must be one of openai, azure, anthropic, not "x"' })
  t.throws(() => readCopilotConfig({ COPILOT_PROVIDER_BASE_URL: 'localhost:1' }), { message: 'COPILOT_PROVIDER_BASE_URL must be an http:// or https:// URL' })
  t.throws(() => readCopilotConfig({ COPILOT_PROVIDER_BASE_URL: 'http://x' }), { message: 'COPILOT_MODEL must be set when COPILOT_PROVIDER_BASE_URL is' })
  t.throws(() => readCopilotConfig({ COPILOT_MODEL: 'm'.repeat(121) }), { message: 'COPILOT_MODEL must have at most 120 characters' })
  t.throws(() => readCopilotConfig({ COPILOT_SERVICE_TOKEN: 'two words' }), { message: 'COPILOT_SERVICE_TOKEN must be printable ASCII without spaces' })
})

test('how long sessions are kept is read as milliseconds', async t => {
  t.equal(readCopilotConfig({ COPILOT_SESSION_TTL_MS: '5' }).sessionTtl, 5)
  t.throws(() => readCopilotConfig({ COPILOT_SESSION_TTL_MS: '1h' }), { message: 'COPILOT_SESSION_TTL_MS must be integer (0 to 2147483647), not "1h"' })
})

test('a project is a directory that can be listed, and not the whole file system', async t => {
  const directory = realpathSync(t.testdir({ project: {}, file: '', link: t.fixture('symlink', 'project') }))
  t.equal(readCopilotConfig({ COPILOT_PROJECT_DIR: `${directory}/link` }).projectDirectory, `${directory}/project`)
  t.equal(readCopilotConfig({ COPILOT_PROJECT_DIR: '.' }).projectDirectory, realpathSync('.'))
  for (const bad of ['file', 'none', 'file/x', 'link/\n']) {
    t.throws(() => readCopilotConfig({ COPILOT_PROJECT_DIR: `${directory}/${bad}` }), { name: 'StartError', message: /^COPILOT_PROJECT_DIR must be a directory that can be read, not ".*"$/ }, bad)
  }
  t.throws(() => readCopilotConfig({ COPILOT_PROJECT_DIR: '/' }), { message: 'COPILOT_PROJECT_DIR must not be the root of the file system' })
})

test('in production the demo engine has to be asked for', async t => {
  t.throws(() => readCopilotConfig({ NODE_ENV: 'production' }),
    { message: /^With NODE_ENV=production .* COPILOT_SERVICE_URL, .* COPILOT_GITHUB_TOKEN, .* COPILOT_PROVIDER_BASE_URL .* COPILOT_ENGINE=demo$/ })
  t.equal(readCopilotConfig({ NODE_ENV: 'production', COPILOT_ENGINE: 'demo' }).engine, 'demo')
  t.equal(readCopilotConfig({ NODE_ENV: 'production', GH_TOKEN: 'x' }).engine, 'sdk')
})

test('the runtime process sees an excerpt of the environment, without secrets', async t => {
  t.same(readCopilotConfig({ PATH: '/bin', https_proxy: 'http://p', HOME: '/home/me', GH_TOKEN: 'x', JWT_SECRET: 's', COPILOT_CLI_PATH: '' }).runtimeEnvironment,
    { PATH: '/bin', https_proxy: 'http://p' })
})

test('the stand-alone process listens on loopback', async t => {
  t.same(readServerConfig({}), { host: '127.0.0.1', port: 3001, logLevel: 'info', drainTimeoutMs: 30_000 })
  t.same(readServerConfig({ HOST: '::1', COPILOT_PORT: '0', LOG_LEVEL: 'debug', DRAIN_TIMEOUT_MS: '5' }),
    { host: '::1', port: 0, logLevel: 'debug', drainTimeoutMs: 5 })
})

test('beyond loopback a token is demanded', async t => {
  for (const HOST of ['0.0.0.0', '::', '10.0.0.1', 'example.test', '127.example.test']) {
    t.throws(() => readServerConfig({ HOST, COPILOT_SERVICE_TOKEN: '' }), { message: /^COPILOT_SERVICE_TOKEN must be set when HOST is not a loopback address/ }, HOST)
    t.equal(readServerConfig({ HOST, COPILOT_SERVICE_TOKEN: 't' }).host, HOST)
  }
  for (const HOST of ['localhost', '::1', '127.0.0.2']) t.equal(readServerConfig({ HOST }).host, HOST)
})

test('bad settings of the stand-alone process are refused', async t => {
  for (const COPILOT_PORT of ['65536', '-1', '5.5', '3e3', 'http']) {
    t.throws(() => readServerConfig({ COPILOT_PORT }), { message: new RegExp(`^COPILOT_PORT must be .* \\(0 to 65535\\), not "${COPILOT_PORT}"$`) }, COPILOT_PORT)
  }
  t.throws(() => readServerConfig({ LOG_LEVEL: 'loud' }), { message: 'LOG_LEVEL must be one of fatal, error, warn, info, debug, trace, silent, not "loud"' })
  t.throws(() => readServerConfig({ DRAIN_TIMEOUT_MS: '1s' }), { message: 'DRAIN_TIMEOUT_MS must be integer (0 to 2147483647), not "1s"' })
})
