import fc from 'fast-check'
import { test } from 'tap'
import { parseEnvFile } from '../../../lib/settings/env-file.ts'

const read = (text: string) => parseEnvFile('.env', text)

test('what people write in such a file', async t => {
  t.strictSame(read([
    '# a comment', '', '  ', 'PORT=8080', 'export AUTH_MODE=jwt', '  HOST = ::1  ', 'EMPTY=', 'COMMENT=   # nothing', 'JWT_ISSUER="https://id.example" # quoted',
    "API_KEYS='web:a#b,cli:c'", 'JWT_SECRET=abc#def#', 'JWT_AUDIENCE=gateway # who', 'TICKS=`"both\' kinds"`', 'MORE="one\\ntwo"', "RAW='one\\ntwo'", 'LINES="one', 'two"', 'A=b=c', '\u00a0NBSP=1\u00a0', 'LAST=end'
  ].join('\n')), {
    PORT: '8080',
    AUTH_MODE: 'jwt',
    HOST: '::1',
    EMPTY: '',
    COMMENT: '',
    JWT_ISSUER: 'https://id.example',
    API_KEYS: 'web:a#b,cli:c',
    JWT_SECRET: 'abc#def#',
    JWT_AUDIENCE: 'gateway',
    TICKS: '"both\' kinds"',
    MORE: 'one\ntwo',
    RAW: 'one\\ntwo',
    LINES: 'one\ntwo',
    A: 'b=c',
    NBSP: '1',
    LAST: 'end'
  })
  t.strictSame(read(''), {})
  t.strictSame(read('A=1\nA=2'), { A: '2' })
})

test('what is no setting is named by its line, and not shown', async t => {
  for (const [text, line] of [
    ['PORT=1\nAUTH_MODE: s3cret', 2], ['PORT s3cret', 1], ['=s3cret', 1], ['A="x\ny"\n\ns3cret', 4], ['1A=s3cret', 1], ['ü=s3cret', 1], ['set A=s3cret', 1], ['\u200bA=s3cret', 1]
  ] as const) {
    t.throws(() => read(text), { name: 'StartError', message: `.env cannot be read: line ${line} is no setting, which is NAME=value` }, text)
  }
  for (const text of ['PORT=1\nA="s3cret', 'PORT=1\nA=\'s3cret\' s3cret', 'PORT=1\nA="s3cret"s3cret', 'PORT=1\nA=`s3cret\nB=2']) {
    t.throws(() => read(text), { name: 'StartError', message: '.env cannot be read: the quotes of A in line 2 do not end, or something follows them' }, text)
  }
})

test('whatever is in quotes is read whole, between any other settings', async t => {
  const value = fc.string({ unit: 'grapheme', maxLength: 40 }).map(text => text.replace(/'/g, '').replace(/\r\n?/g, '\n'))
  fc.assert(fc.property(fc.array(value, { maxLength: 6 }), values => {
    const text = values.map((value, i) => `${i % 2 ? 'export ' : ''}S${i}='${value}'`).join('\n')
    t.strictSame(read(text), Object.fromEntries(values.map((value, i) => [`S${i}`, value])))
  }), { seed: 10, numRuns: 300 })
})
