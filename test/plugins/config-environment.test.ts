import { test } from 'tap'
import { readEnvironment } from '../../plugins/config.ts'

test('.env is read when present, and the variables of the process count more', async t => {
  t.chdir(t.testdir({ '.env': '# a comment\nPORT=4000\nHOST="127.0.0.2"\nAPI_KEYS=web:key\n' }))
  t.intercept(process, 'env', { value: { PORT: '5000' } })
  t.strictSame(readEnvironment(), { PORT: '5000', HOST: '127.0.0.2', API_KEYS: 'web:key' })
})

test('without .env the variables of the process are all there is', async t => {
  t.chdir(t.testdir({}))
  t.intercept(process, 'env', { value: { PORT: '5000' } })
  t.strictSame(readEnvironment(), { PORT: '5000' })
})

test('a variable that is set to nothing is not set, in either place', async t => {
  t.chdir(t.testdir({ '.env': 'PORT=4000\nHOST=\n' }))
  t.intercept(process, 'env', { value: { PORT: '', AUTH_MODE: '' } })
  t.strictSame(readEnvironment(), { PORT: '4000' })
})

test('a .env that cannot be read is not passed over', async t => {
  t.chdir(t.testdir({ '.env': {} }))
  t.throws(() => readEnvironment(), { name: 'StartError', message: /^\.env cannot be read: .*EISDIR/ })
})
