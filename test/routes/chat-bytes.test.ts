import { randomBytes } from 'node:crypto'
import { test } from 'tap'
import { ask, pair, type Script, streams } from '../helper.ts'

const cases: Record<string, Buffer[]> = {
  'a character split over two chunks': [Buffer.from([0xf0, 0x9f]), Buffer.from([0x8c, 0x8d])],
  'chunks of one byte': [...Buffer.from('Grüße aus Köln 🌍')].map(byte => Buffer.from([byte])),
  'a chunk of 5 MB': [Buffer.from(randomBytes(2_500_000).toString('hex'))],
  'newlines of every kind': [Buffer.from('a\r\nb\rc\nd\u2028e')]
}

for (const [name, chunks] of Object.entries(cases)) {
  test(`${name} arrive as they were sent`, async t => {
    const { url } = await pair(t, { '/chat/stream': streams(...chunks) })
    const response = await ask(url)
    t.ok(Buffer.concat(chunks).equals(Buffer.from(await response.arrayBuffer())))
  })
}

test('the first chunk arrives while the upstream still writes', async t => {
  let finish = (): void => {}
  const script: Script = reply => {
    reply.writeHead(200, { 'content-type': 'text/plain' }).write('first')
    finish = () => reply.end('last')
  }
  const { url } = await pair(t, { '/chat/stream': script })

  const response = await ask(url)
  const reader = response.body?.getReader()
  t.equal(Buffer.from((await reader?.read())?.value ?? []).toString(), 'first')

  finish()
  t.equal(Buffer.from((await reader?.read())?.value ?? []).toString(), 'last')
  t.ok((await reader?.read())?.done)
})
