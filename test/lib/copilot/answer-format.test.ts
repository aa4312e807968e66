import { test } from 'tap'
import { answerFormatOf } from '../../../lib/copilot/answer-format.ts'

const types = ['text/plain'] as const

test('a reply is taken when it is 200, of a type that is allowed or of none, not compressed, in an encoding with a name', async t => {
  for (const headers of [
    {}, { 'content-type': '' }, { 'content-type': 'text/plain' }, { 'content-type': 'TEXT/Plain ;Charset="UTF-8"' },
    { 'content-type': 'text/plain; charset=shift_jis' }, { 'content-encoding': '' }, { 'content-encoding': 'Identity' }, { 'transfer-encoding': 'chunked' }
  ]) t.match(answerFormatOf(200, headers, types), { type: 'text/plain', refusal: undefined }, JSON.stringify(headers))
})

test('everything else is refused by what is wrong with it', async t => {
  for (const status of [201, 202, 203, 204, 205, 206, 226, 304]) t.match(answerFormatOf(status, {}, types), { refusal: `its status is ${status}` })
  for (const type of ['text/html', 'application/problem+json', 'application/xhtml+xml', 'text/event-stream', 'multipart/mixed; boundary=x']) {
    t.match(answerFormatOf(200, { 'content-type': type }, types), { refusal: `its type is ${type.split(';')[0]}` })
  }
  for (const encoding of ['gzip', 'br', 'identity, gzip']) t.match(answerFormatOf(200, { 'content-encoding': encoding }, types), { refusal: 'it is compressed' })
  t.match(answerFormatOf(200, { 'transfer-encoding': 'gzip, chunked' }, types), { refusal: 'it is compressed' })
  t.match(answerFormatOf(200, { 'content-type': 'text' }, types), { refusal: 'its type cannot be read' })
  const twice: Record<string, string | string[]> = { 'content-type': ['text/plain', 'text/html'] }
  t.match(answerFormatOf(200, twice, types), { refusal: 'it has several types' })
  t.match(answerFormatOf(200, { 'content-type': 'text/plain; charset=nonsense' }, types), { refusal: 'its encoding is nonsense' })
})
