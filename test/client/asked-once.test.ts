import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { type Test, test } from 'tap'
import { createChatClient } from '../../client/index.ts'
import { pair, streams } from '../helper.ts'
import { quick } from './reading.ts'

/** How many bytes of its next connection a network lets through. */
interface Fault {
  readonly request?: number
  readonly reply?: number
}

/** A network to a port that breaks one connection at a time where a test says; `replied` is how much the last reply had. */
async function network (t: Test, port: number): Promise<{ url: string, breakNext: (fault: Fault) => void, replied: () => number }> {
  let next: Fault | undefined
  let replied = 0
  const server = createServer(client => {
    const { request = Infinity, reply = Infinity } = next ?? {}
    next = undefined
    const upstream = connect(port, '127.0.0.1')
    const cut = (): void => {
      client.resetAndDestroy()
      upstream.resetAndDestroy()
    }
    let sent = 0
    replied = 0
    client.on('error', cut).on('data', data => {
      upstream.write(data.subarray(0, request - sent))
      sent += data.length
      if (sent > request) cut()
    }).on('close', () => upstream.end())
    upstream.on('error', cut).on('data', data => {
      client.write(data.subarray(0, reply - replied))
      replied += data.length
      // What was written before it has to arrive first.
      if (replied >= reply) client.end(cut)
    }).on('end', () => client.end())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => { server.close() })
  // A listening TCP server has an address with a port.
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, breakNext: fault => { next = fault }, replied: () => replied }
}

test('a connection that is cut anywhere, on the way there or back, costs no second question, and no byte of the answer', async t => {
  const { port, service } = await pair(t, { '/chat/stream': streams('Grüße ', 'aus ', 'Köln 🌍') }, { RATE_LIMIT_MAX: '0', MAX_STREAMS_PER_CALLER: '100' })
  const { url, breakNext, replied } = await network(t, port)
  const client = createChatClient({ baseUrl: url, reconnect: quick, headers: () => ({ Connection: 'close' }) })
  const ask = async (prompt: string): Promise<string> => await client.ask({ prompt, resumable: true }).text
  t.equal(await ask('whole'), 'Grüße aus Köln 🌍')
  const length = replied()
  t.ok(length > 600)

  const places: Array<[string, Fault]> = []
  for (const request of [0, 1, 40, 200]) places.push([`the request behind ${request} bytes`, { request }])
  // The head and every frame is cut in several places.
  for (let reply = 0; reply < length; reply += 9) places.push([`the reply behind ${reply} bytes`, { reply }])
  for (const [place, fault] of places) {
    breakNext(fault)
    t.equal(await ask(place), 'Grüße aus Köln 🌍', place)
  }
  const asked = new Map<unknown, number>()
  for (const { json: { prompt } } of service.asked()) asked.set(prompt, (asked.get(prompt) ?? 0) + 1)
  t.equal(asked.size, places.length + 1)
  t.strictSame([...asked].filter(([, times]) => times !== 1), [])
})
