import fc from 'fast-check'
import { test } from 'tap'
import { characterStart, CharacterBoundary, wholeCharacters } from '../../lib/utf8.ts'

/** A text with characters of every length, as bytes, and places to cut it at. */
const cutText = fc.tuple(fc.string({ unit: 'grapheme', maxLength: 60 }), fc.array(fc.nat(), { maxLength: 20 })).map(([text, cuts]) => {
  const bytes = Buffer.from(text.toWellFormed())
  const places = [...new Set([0, bytes.length, ...cuts.map(cut => cut % (bytes.length + 1))])].sort((a, b) => a - b)
  return { bytes, pieces: places.slice(1).map((end, index) => bytes.subarray(places[index], end)) }
})

test('wherever a text is cut, its pieces are cut anew between characters, and none of it is lost', async t => {
  fc.assert(fc.property(cutText, ({ bytes, pieces }) => {
    const boundary = new CharacterBoundary()
    const whole = pieces.map(piece => boundary.push(piece))
    return boundary.rest.length === 0 && Buffer.concat(whole).equals(bytes) && whole.every(piece => Buffer.from(piece.toString()).equals(piece))
  }), { seed: 26 })
  t.pass()
})

test('a chunk that ends between characters passes as it is', async t => {
  const chunk = Buffer.from('Grüße 🌍')
  t.equal(new CharacterBoundary().push(chunk), chunk)
})

test('what a stream ends with in the middle of a character is kept', async t => {
  const boundary = new CharacterBoundary()
  t.equal(boundary.push(Buffer.from([0x61, 0xf0, 0x9f])).toString(), 'a')
  t.same(boundary.rest, Buffer.from([0xf0, 0x9f]))
})

test('bytes that are no UTF-8 are held back at most three', async t => {
  t.equal(wholeCharacters(Buffer.from([0x80, 0x80, 0x80, 0x80])), 4)
  t.equal(wholeCharacters(Buffer.from([0xff])), 0)
  t.equal(wholeCharacters(Buffer.alloc(0)), 0)
})

test('an offset within a character goes back to its beginning', async t => {
  const bytes = Buffer.from('a🌍é')
  t.strictSame([0, 1, 2, 3, 4, 5, 6, 7].map(offset => characterStart(bytes, offset)), [0, 1, 1, 1, 1, 5, 5, 7])
})
