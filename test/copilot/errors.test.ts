import { test } from 'tap'
import { publicMessage } from '../../copilot/errors.ts'

test('a public message is one line', async t => {
  t.equal(publicMessage(' one\r\n  two\t\u0000three ', []), 'one two three')
})

test('a public message has at most 500 characters', async t => {
  t.equal(publicMessage('x'.repeat(500), []), 'x'.repeat(500))
  t.equal(publicMessage('x'.repeat(501), []), 'x'.repeat(499) + '…')
  t.equal(publicMessage('x'.repeat(498) + '🌍🌍', []), 'x'.repeat(498) + '…', 'no half character is left')
})

test('a public message has no configured secret in it', async t => {
  t.equal(publicMessage('key hunter22 was refused: hunter22', ['hunter22']), 'key [redacted] was refused: [redacted]')
  t.equal(publicMessage('a message', ['a']), 'a message', 'one letter is no secret')
})

test('a public message has nothing in it that looks like a secret', async t => {
  for (const secret of [
    'ghp_0123456789abcdefABCD', 'gho_0123456789abcdefABCD', 'github_pat_0123456789abcdefABCD_x', 'sk-proj-0123456789',
    'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln', 'Bearer abc.def'
  ]) {
    t.match(publicMessage(`refused: ${secret}`, []), /^refused: (Bearer )?\[redacted\]$/, secret)
  }
  t.equal(publicMessage('http://me:pass@example.test/v1', []), 'http://[redacted]@example.test/v1')
})
