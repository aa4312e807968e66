import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import dns from 'node:dns'
import { once } from 'node:events'
import { Server } from 'node:http'
import { connect } from 'node:net'
import { type Test, test } from 'tap'
import { buildCopilotService } from '../../copilot/app.ts'
import { readCopilotConfig } from '../../copilot/config.ts'
import { freePort } from '../ports.ts'
import { build, drainSocket } from '../helper.ts'

/** A gateway on `localhost`, which has two addresses: on some machines it is one only. Node asks for one, without options, and Fastify for all. */
async function onLocalhost (t: Test, environment: Record<string, string> = {}) {
  const addresses = ['127.0.0.1', '127.0.0.2'].map(address => ({ address, family: 4 }))
  t.intercept(dns, 'lookup', {
    value: (host: string, ...[done, doneAll]: Array<(error: null, ...found: unknown[]) => void>) => {
      if (doneAll) doneAll(null, addresses)
      else done?.(null, host === 'localhost' ? '127.0.0.1' : host, 4)
    }
  })
  return await build(t, { COPILOT_SERVICE_URL: 'http://127.0.0.1:9', ...environment }, 'localhost')
}

const more = 'Host: localhost\r\nConnection: close\r\n'
const cases: Record<string, [request: string, status: number]> = {
  'an unknown expectation': [`GET /health HTTP/1.1\r\n${more}Expect: x\r\n\r\n`, 417],
  'bytes that are no HTTP': [`GET /health HTTP/9.9\r\n${more}\r\n`, 400],
  'a CONNECT': [`CONNECT example.com:443 HTTP/1.1\r\n${more}\r\n`, 405],
  'an upgrade': ['GET /nowhere HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n', 404]
}

for (const [name, [request, status]] of Object.entries(cases)) {
  test(`${name} is refused on the second address of localhost as on the first`, async t => {
    const { port, log } = await onLocalhost(t)
    for (const host of ['127.0.0.1', '127.0.0.2']) {
      const socket = connect(port, host)
      socket.write(request)
      const { text } = await drainSocket(socket)
      t.match(text, new RegExp(`^HTTP/1\\.1 ${status} [^]*x-error-type: `, 'i'), host)
      const id = /x-request-id: (\S+)/i.exec(text)?.[1] ?? 'none'
      t.match(await log.ended(id), { status })
    }
  })
}

test('a client that asks the second address for an upgrade and resets hurts nobody', async t => {
  const { port, url, log } = await onLocalhost(t)
  const socket = connect(port, '127.0.0.2')
  socket.write('GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n')
  await once(socket, 'data')
  socket.resetAndDestroy()
  await log.ended()
  t.equal((await fetch(`${url}/health`)).status, 200)
})

test('a listener that cannot accept a connection ends nothing and goes on, on whatever address or port', async t => {
  const servers = new Set<Server>()
  const note = (message: unknown): void => {
    const server: unknown = Reflect.get(Object(Reflect.get(Object(message), 'socket')), 'server')
    if (server instanceof Server) servers.add(server)
  }
  subscribe('net.server.socket', note)
  t.teardown(() => { unsubscribe('net.server.socket', note) })
  const metricsPort = await freePort()
  const { port, log } = await onLocalhost(t, { METRICS_PORT: String(metricsPort) })
  const companion = await buildCopilotService({ config: readCopilotConfig({}) })
  t.teardown(() => companion.close())
  const companionPort = new URL(await companion.listen({ host: 'localhost', port: 0 })).port

  const urls = [`127.0.0.1:${port}/health`, `127.0.0.2:${port}/health`, `127.0.0.1:${metricsPort}/metrics`, `127.0.0.1:${companionPort}/health`, `127.0.0.2:${companionPort}/health`]
  const ask = async () => await Promise.all(urls.map(async url => {
    const response = await fetch(`http://${url}`)
    await response.text()
    return response.status
  }))
  t.strictSame(await ask(), [200, 200, 200, 200, 200])
  t.equal(servers.size, 5)
  for (const server of servers) server.emit('error', new Error('accept EMFILE'))
  await log.line(({ msg }) => msg === 'a connection could not be accepted')
  await log.line(({ msg }) => msg === 'a connection to the metrics could not be accepted')
  t.strictSame(await ask(), [200, 200, 200, 200, 200])
})
