import { once } from 'node:events'
import { request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { pair, type Script } from '../helper.ts'

const TOKENS = 25
const PAUSE_MS = 25

/** A model at work: one token after the other, with pauses. */
const paced: Script = async reply => {
  reply.writeHead(200, { 'content-type': 'text/plain' })
  for (let token = 0; token < TOKENS; token++) {
    reply.write(`token ${token} `)
    await sleep(PAUSE_MS)
  }
  reply.end()
}

/** The median of the milliseconds between two tokens, as a reader of a URL sees them come. */
async function medianGap (t: Test, url: string, accept: string, body: object): Promise<number> {
  const asking = request(url, { method: 'POST', headers: { accept, 'content-type': 'application/json' } }).end(JSON.stringify(body))
  const [response] = await once(asking, 'response')
  const arrivals: number[] = []
  let text = ''
  for await (const piece of response) {
    text += String(piece)
    // One time for each token, so that tokens that come together count as gaps of nothing.
    while (text.includes(`token ${arrivals.length} `)) arrivals.push(performance.now())
  }
  t.equal(arrivals.length, TOKENS, 'every token came')
  const gaps = arrivals.slice(1).map((arrival, index) => arrival - (arrivals[index] ?? 0)).sort((a, b) => a - b)
  // The lower of the two in the middle: tokens that come in pairs have as many gaps of nothing as others.
  return gaps[(gaps.length - 1) >> 1] ?? 0
}

test('the gaps between tokens stay what the upstream made them', async t => {
  const { url, service } = await pair(t, { '/chat/stream': paced })
  const ways = ['text/plain', 'text/event-stream'].flatMap(accept => [false, true].map(resumable => ({ accept, resumable })))
  // All at the same time: what else the machine does happens to all of them.
  const [direct = 0, ...through] = await Promise.all([
    medianGap(t, `${service.url}/chat/stream`, 'text/plain', {}),
    ...ways.map(({ accept, resumable }) => medianGap(t, `${url}/api/chat`, accept, { prompt: 'Hello', resumable }))
  ])
  for (const [index, { accept, resumable }] of ways.entries()) {
    const ratio = (through[index] ?? 0) / direct
    t.ok(ratio > 0.5 && ratio < 2, `${accept}${resumable ? ', resumable' : ''}: ${ratio.toFixed(2)} times the upstream's own gaps of ${direct.toFixed(1)} ms`)
  }
})
