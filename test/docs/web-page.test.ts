import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { test } from 'tap'
import { json, pair, streams } from '../helper.ts'
import { codeBlocks } from './tables.ts'

/** What docs/spa.md tells people to copy into their pages. */
interface Example {
  ask (url: string, question: unknown, options?: { signal?: AbortSignal, onText?: (text: string) => void }): Promise<string>
}

const directory = await mkdtemp(join(tmpdir(), 'spa-'))
const [code = ''] = await codeBlocks('docs/spa.md', 'js')
await writeFile(join(directory, 'ask.mjs'), code)
const { ask }: Example = await import(pathToFileURL(join(directory, 'ask.mjs')).href)
await rm(directory, { recursive: true })

test('the function of docs/spa.md hands over an answer piece by piece, characters whole', async t => {
  const euro = Buffer.from('€')
  const { url } = await pair(t, { '/chat/stream': streams('one ', euro.subarray(0, 1), euro.subarray(1), ' two') })
  const pieces: string[] = []

  t.equal(await ask(url, { prompt: 'Hello' }, { onText: text => pieces.push(text) }), 'one € two')
  t.equal(pieces.join(''), 'one € two')
  t.notMatch(pieces, /\uFFFD/)
})

test('the function of docs/spa.md tells a refusal by its kind', async t => {
  const { url } = await pair(t, { '/chat/stream': json(429, { error: 'slow down', errorType: 'rate_limited' }, { 'retry-after': '7' }) })

  await t.rejects(ask(url, { prompt: 'Hello' }), { message: 'Error: Copilot is rate limiting: slow down', errorType: 'rate_limited', retryAfter: '7' })
})

test('the function of docs/spa.md rejects with a TypeError when the answer is cut', async t => {
  const { url } = await pair(t, {
    '/chat/stream': reply => {
      reply.writeHead(200, { 'content-type': 'text/plain' })
      reply.write('half an ans', () => reply.destroy())
    }
  })

  await t.rejects(ask(url, { prompt: 'Hello' }), TypeError)
})

test('the function of docs/spa.md rejects with an AbortError when it is stopped, and the upstream sees it', async t => {
  const { url, service } = await pair(t, {
    '/chat/stream': reply => {
      reply.writeHead(200, { 'content-type': 'text/plain' }).write('for ever')
      reply.once('close', () => service.emit('left'))
    }
  })
  const left = new Promise(resolve => service.once('left', resolve))
  const stop = new AbortController()

  await t.rejects(ask(url, { prompt: 'Hello' }, { signal: stop.signal, onText: () => stop.abort() }), { name: 'AbortError' })
  await left
})
