import { execFileSync } from 'node:child_process'
import { chmodSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { readTextFile } from '../../../lib/settings/text-file.ts'

const utf16 = (text: string) => Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text, 'utf16le')])

const unreadable: Array<[what: string, bytes: Buffer, why: RegExp]> = [
  ['UTF-16 with a mark', utf16('AUTH_MODE=jwt\n'), /it is not UTF-8 text, but UTF-16 or binary/],
  ['UTF-16, the other way round', utf16('AUTH_MODE=jwt\n').swap16(), /UTF-16/],
  ['UTF-16 without a mark', utf16('AUTH_MODE=jwt\n').subarray(2), /UTF-16 or binary/],
  ['a NUL byte', Buffer.from('AUTH_MODE=jwt\n\0'), /binary/],
  ['Latin 1', Buffer.from('API_KEYS=m\xfcller:key\n', 'latin1'), /it is not UTF-8 text/],
  ['half a character', Buffer.from('API_KEYS=\xc3', 'latin1'), /it is not UTF-8 text/],
  ['a control character', Buffer.from('PORT=1\nHOST=\u001b[31m\n'), /line 2 has a control character \(U\+001B\)/],
  ['the end of a file on DOS', Buffer.from('PORT=1\r\n\u001a'), /line 2 has a control character/],
  ['lines that are ended as nobody ends them', Buffer.from('# one\u2028AUTH_MODE=jwt'), /line 1 has a control character \(U\+2028\)/],
  ['far too much', Buffer.alloc(1024 * 1024 + 1, '#'), /it has 1048577 bytes, and 1048576 are allowed/]
]

for (const [what, bytes, why] of unreadable) {
  test(`${what} is no text`, async t => {
    const path = join(t.testdir({ file: bytes }), 'file')
    try {
      readTextFile(path)
      t.fail('it was read')
    } catch (error) {
      t.match(error, { name: 'StartError', message: why })
      t.match(String(error), `${path} cannot be read`)
      t.notMatch(String(error), /\n|jwt|ller/)
    }
  })
}

test('a mark, and every kind of line end, is no part of the text', async t => {
  const directory = t.testdir({ mark: '\ufeffA=1', ends: 'a\r\nb\rc\n\rd', none: '' })
  t.equal(readTextFile(join(directory, 'mark')), 'A=1')
  t.equal(readTextFile(join(directory, 'ends')), 'a\nb\nc\n\nd')
  t.equal(readTextFile(join(directory, 'none')), '')
})

test('what is not there is undefined; a link to nowhere was meant', async t => {
  const directory = t.testdir({ real: 'A=1' })
  t.equal(readTextFile(join(directory, 'absent')), undefined)
  symlinkSync('absent', join(directory, 'dangling'))
  t.throws(() => readTextFile(join(directory, 'dangling')), { name: 'StartError', message: /ENOENT/ })
  symlinkSync('real', join(directory, 'link'))
  t.equal(readTextFile(join(directory, 'link')), 'A=1')
})

test('a directory, a pipe and a path through a file are no files', async t => {
  const directory = t.testdir({ inner: {}, real: '' })
  execFileSync('mkfifo', [join(directory, 'pipe')])
  t.throws(() => readTextFile(join(directory, 'inner')), { name: 'StartError', message: /it is a directory \(EISDIR\)/ })
  t.throws(() => readTextFile(join(directory, 'pipe')), { name: 'StartError', message: /it is not a file/ })
  t.throws(() => readTextFile('/dev/null'), { name: 'StartError', message: '/dev/null cannot be read: it is not a file' })
  t.throws(() => readTextFile(join(directory, 'real', 'x')), { name: 'StartError', message: /ENOTDIR/ })
})

test('a file that this user may not read is said so', { skip: process.getuid?.() === 0 && 'root may read everything' }, async t => {
  const path = join(t.testdir({ file: 'A=1' }), 'file')
  chmodSync(path, 0)
  t.throws(() => readTextFile(path), { name: 'StartError', message: /EACCES/ })
})
