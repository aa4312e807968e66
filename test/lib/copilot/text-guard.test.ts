import { test } from 'tap'
import { guardFor } from '../../../lib/copilot/text-guard.ts'

/** What a guard makes of bytes that come one by one; undefined for those that are refused. */
function through (charset: string, bytes: Buffer): string | undefined {
  const guard = guardFor(charset)
  if (!guard) return undefined
  const text: Buffer[] = []
  for (const byte of bytes) {
    const piece = guard.push(Buffer.from([byte]))
    if (!piece) return undefined
    text.push(piece)
  }
  const rest = guard.end()
  return rest && Buffer.concat([...text, rest]).toString()
}

test('text in a declared encoding becomes UTF-8, wherever it is split', async t => {
  t.equal(through('utf-8', Buffer.from('Grüße 🌍')), 'Grüße 🌍')
  t.equal(through('iso-8859-1', Buffer.from('Grüße', 'latin1')), 'Grüße')
  t.equal(through('UTF-16LE', Buffer.from('Grüße 🌍', 'utf16le')), 'Grüße 🌍')
  t.equal(through('shift_jis', Buffer.from([0x82, 0xa0])), 'あ')
})

test('what is not in the encoding that it should be in is refused', async t => {
  t.equal(through('utf-8', Buffer.from('Grüße', 'latin1')), undefined)
  t.equal(through('utf-8', Buffer.from('🌍').subarray(0, 3)), undefined, 'the end is within a character')
  t.equal(through('utf-16le', Buffer.from('a🌍', 'utf16le').subarray(0, 5)), undefined)
  t.equal(through('utf-16le', Buffer.from('feff0061', 'hex')), undefined, 'the other byte order')
  t.equal(through('shift_jis', Buffer.from([0x82, 0x0a])), undefined)
  t.equal(through('utf-8', Buffer.from('hello', 'utf16le')), undefined, 'UTF-16 without a mark')
  t.equal(through('utf-8', Buffer.from('hello', 'utf16le').swap16()), undefined, 'and of the other byte order')
  t.equal(guardFor('utf-8')?.push(Buffer.from('hello', 'utf16le')), undefined, 'in one chunk')
  t.equal(through('utf-8', Buffer.from('ok\0')), 'ok\0')
  t.equal(through('utf-7', Buffer.from('a')), undefined, 'no such encoding')
})
