import { join } from 'node:path'
import { test } from 'tap'
import { collectSettings } from '../../../lib/settings/collect.ts'

test('flags count more than the environment, the environment more than the file, and nothing is nothing', async t => {
  const directory = t.testdir({ '.env': 'PORT=1\nHOST=::1\nLOG_LEVEL=warn\nEMPTY=\n' })
  t.chdir(directory)
  const collected = collectSettings({ file: { path: '.env', required: false }, environment: { HOST: '127.0.0.2', PORT: '2', LOG_LEVEL: '' }, flags: { PORT: '3', HOST: undefined } })
  t.strictSame(collected.values, { PORT: '3', HOST: '127.0.0.2', LOG_LEVEL: 'warn' })
  t.strictSame(collected.origins, { PORT: 'flag', HOST: 'environment', LOG_LEVEL: '.env' })
})

test('a file that is asked for has to be there', async t => {
  const path = join(t.testdir({}), 'prod.env')
  t.strictSame(collectSettings({ file: { path, required: false }, environment: {} }).values, {})
  t.throws(() => collectSettings({ file: { path, required: true }, environment: {} }), { name: 'StartError', message: `${path} cannot be read: there is no such file` })
  t.throws(() => collectSettings({ file: { path: '', required: true }, environment: {} }), { name: 'StartError' })
})

test('what Node or fastify-cli made of the same file is no other source', async t => {
  const path = join(t.testdir({ env: '\ufeffAUTH_MODE=api-key\r\nAPI_KEYS=web:abc#def\r\nPORT=1\r\n' }), 'env')
  const collected = collectSettings({ file: { path, required: true }, environment: { API_KEYS: 'web:abc', '\ufeffAUTH_MODE': 'api-key', PORT: '2' } })
  t.match(collected.values, { AUTH_MODE: 'api-key', API_KEYS: 'web:abc#def', PORT: '2' })
  t.match(collected.origins, { AUTH_MODE: `file ${path}`, API_KEYS: `file ${path}`, PORT: 'environment' })
})

test('a secret may be in a file of its own', async t => {
  const directory = t.testdir({ key: '\ufeffweb:k\u00fcy\r\n', empty: '\n', utf16: Buffer.from('key', 'utf16le') })
  const collect = (environment: Record<string, string>) => collectSettings({ environment }, ['API_KEYS', 'JWT_SECRET'])
  const API_KEYS_FILE = join(directory, 'key')
  t.match(collect({ API_KEYS_FILE }), { values: { API_KEYS: 'web:küy' }, origins: { API_KEYS: `file ${API_KEYS_FILE}` } })
  t.strictSame(collect({ PORT_FILE: API_KEYS_FILE }).values, { PORT_FILE: API_KEYS_FILE }, 'what is no secret is taken as it is')

  const refused = (environment: Record<string, string>, message: RegExp) => t.throws(() => collect(environment), { name: 'StartError', message })
  refused({ API_KEYS_FILE, API_KEYS: 'web:key' }, /^API_KEYS and API_KEYS_FILE must not be set both$/)
  refused({ JWT_SECRET_FILE: join(directory, 'empty') }, /^JWT_SECRET_FILE: .* is empty$/)
  refused({ JWT_SECRET_FILE: join(directory, 'absent') }, /^JWT_SECRET_FILE: .* is not there$/)
  refused({ JWT_SECRET_FILE: directory }, /cannot be read: it is a directory/)
  refused({ JWT_SECRET_FILE: join(directory, 'utf16') }, /cannot be read: it is not UTF-8/)
})
