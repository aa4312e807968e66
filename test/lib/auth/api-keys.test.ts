import { test } from 'tap'
import { byApiKey } from '../../../lib/auth/api-keys.ts'

test('a key is known by either header, under its name', async t => {
  const authenticate = byApiKey('web:one-key, cli@ops.example_-:two:with:colons ,')
  t.strictSame(await authenticate({ apiKey: 'one-key' }), { id: 'web', kind: 'api-key' })
  t.strictSame(await authenticate({ bearer: 'one-key' }), { id: 'web', kind: 'api-key' })
  t.strictSame(await authenticate({ apiKey: 'two:with:colons' }), { id: 'cli@ops.example_-', kind: 'api-key' })
})

test('a name may have two keys, so that one can replace the other', async t => {
  const authenticate = byApiKey('web:old,web:new')
  for (const apiKey of ['old', 'new']) t.strictSame(await authenticate({ apiKey }), { id: 'web', kind: 'api-key' })
})

test('anything else is not known', async t => {
  const authenticate = byApiKey('web:one-key')
  for (const apiKey of ['', 'one-ke', 'one-keyy', 'ONE-KEY', 'web', 'web:one-key', 'web:one-key,']) t.equal(await authenticate({ apiKey }), undefined, apiKey)
  t.equal(await authenticate({}), undefined)
  t.equal(await authenticate({ bearer: 'other' }), undefined)
})

test('of two credentials the key of X-API-Key counts', async t => {
  const authenticate = byApiKey('web:one-key')
  t.equal(await authenticate({ apiKey: 'wrong', bearer: 'one-key' }), undefined)
  t.match(await authenticate({ apiKey: 'one-key', bearer: 'some.jwt.token' }), { id: 'web' })
})

test('a list without keys is refused', async t => {
  for (const list of ['', ' ', ',', ' , ,']) t.throws(() => byApiKey(list), { name: 'StartError', message: /^API_KEYS must name at least one/ }, JSON.stringify(list))
})

test('a malformed pair is refused by its number, never by its text', async t => {
  for (const pair of ['just-a-secret', ':s3cret', 'web:', 'a b:s3cret', 'ä:s3cret', `${'x'.repeat(101)}:s3cret`]) {
    try {
      byApiKey(`ok:fine,${pair}`)
      t.fail(`${pair} was taken`)
    } catch (error) {
      t.match(error, { name: 'StartError', message: /^API_KEYS must be name:key pairs.*pair 2 is not$/ })
      t.notMatch(String(error), /s3cret|just-a-secret/)
    }
  }
})
