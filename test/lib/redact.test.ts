import { test } from 'tap'
import { presentable } from '../../lib/redact.ts'

test('the given secrets are taken out, wherever and however often they stand', async t => {
  t.equal(presentable('a s3cret b, s3cret', ['s3cret']), 'a [redacted] b, [redacted]')
  t.equal(presentable('one two', ['one-', 'two2', '']), 'one two')
})

test('a secret that is too short to be one stays, so that words survive', async t => {
  t.equal(presentable('banana', ['an', '', 'ban']), 'banana')
})

test('a secret with characters of regular expressions is taken as it is', async t => {
  t.equal(presentable('x a.*+b( y aXXb', ['a.*+b(']), 'x [redacted] y aXXb')
})

test('what looks like a credential is taken out', async t => {
  for (const credential of [
    'ghp_0123456789abcdefABCD',
    'gho_0123456789abcdefABCD',
    'github_pat_11ABCDEFG0_abcdefghijkl',
    'sk-proj-abcdef_0123456789',
    'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJtZSJ9.c2lnbmF0dXJl',
    'eyJhbGciOiJub25lIn0.eyJzdWIiOiJtZSJ9.'
  ]) t.equal(presentable(`token ${credential} refused`), 'token [redacted] refused', credential)
  t.equal(presentable('Authorization: Bearer abc123def456, next'), 'Authorization: Bearer [redacted], next')
  t.equal(presentable('authorization: basic dXNlcjpwYXNzMQ=='), 'authorization: basic [redacted]')
  t.equal(presentable('Bearer\n\t abc123def456'), 'Bearer [redacted]')
})

test('prose about tokens stays readable', async t => {
  for (const text of ['bearer authentication failed', 'basic understanding required', 'sk-short', 'a task-force-of-many-people', 'ghp_ is a prefix', 'eyJ is how they begin']) t.equal(presentable(text), text)
})

test('text becomes one line without control characters', async t => {
  t.equal(presentable('  a\r\nb\tc\u0000d\u001b[31m\u2028e  '), 'a b c d [31m e')
})

test('long text is cut to the limit, an ellipsis included, and no character is left in half', async t => {
  t.equal(presentable('x'.repeat(500)), 'x'.repeat(500))
  t.equal(presentable('x'.repeat(501)), 'x'.repeat(499) + '…')
  t.equal(presentable('abcdef', [], 4), 'abc…')
  t.ok(presentable('🌍'.repeat(300)).isWellFormed())
})

test('a secret at the cut is redacted before the text is cut', async t => {
  t.notMatch(presentable('x'.repeat(490) + ' top-s3cret-token', ['top-s3cret-token']), /top/)
})

test('64 KiB of the worst text takes linear time', async t => {
  // CPU time, which a busy machine does not add to: seconds for quadratic patterns, milliseconds for linear ones.
  const before = process.cpuUsage()
  for (const text of ['bearer' + ' '.repeat(65_000), 'eyJ'.repeat(21_000), 'eyJ-'.repeat(16_000), 'eyJ.'.repeat(16_000), 'gho_'.repeat(16_000), 'bearer '.repeat(9_000), 'basic ' + 'a'.repeat(65_000)]) presentable(text)
  t.ok(process.cpuUsage(before).user < 1_000_000)
})
