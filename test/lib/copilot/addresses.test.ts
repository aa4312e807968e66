import { once } from 'node:events'
import { createServer } from 'node:http'
import type { LookupAddress } from 'node:dns'
import { request, Pool } from 'undici'
import { test } from 'tap'
import { spreading } from '../../../lib/copilot/addresses.ts'

test('connections to one name spread over its addresses, go past one that refuses, and follow what changes', async t => {
  const asked: string[] = []
  let port = 0
  for (const host of ['127.0.0.1', '127.0.0.2', '127.0.0.3']) {
    const server = createServer((_request, reply) => {
      asked.push(host)
      reply.writeHead(200, { connection: 'close' }).end()
    }).listen(port, host)
    await once(server, 'listening')
    t.teardown(() => server.close())
    const address = server.address()
    if (typeof address === 'object' && address) port = address.port
  }
  // Nobody listens at the last one.
  let addresses = ['127.0.0.1', '127.0.0.2', '127.0.0.9'].map((address): LookupAddress => ({ address, family: 4 }))
  const pool = new Pool(`http://copilot.test:${port}`, { connect: { lookup: spreading((_hostname, _options, callback) => callback(null, addresses)) } })
  t.teardown(() => pool.destroy())
  const ask = async () => {
    const { statusCode, body } = await request(`http://copilot.test:${port}`, { dispatcher: pool })
    await body.dump()
    t.equal(statusCode, 200)
  }
  for (let count = 0; count < 200 && new Set(asked).size < 2; count++) await ask()
  t.strictSame([...new Set(asked)].sort(), ['127.0.0.1', '127.0.0.2'])
  addresses = [{ address: '127.0.0.3', family: 4 }]
  await ask()
  t.equal(asked.at(-1), '127.0.0.3')
})

test('the family that the system prefers stays in front, and what is no list stays itself', async t => {
  const all = [{ address: '::1', family: 6 }, { address: '127.0.0.1', family: 4 }, { address: '::2', family: 6 }]
  const order = [0.9, 0, 0.1]
  const resolve = (address: string | LookupAddress[]) => new Promise(resolve => {
    spreading((_hostname, _options, callback) => callback(null, address), () => order.shift() ?? 0)('copilot.test', {}, (_error, found) => resolve(found))
  })
  t.strictSame(await resolve(all), [all[2], all[0], all[1]])
  t.equal(await resolve('127.0.0.1'), '127.0.0.1')
})
