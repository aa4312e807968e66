import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { connect, createServer as createSocketServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { ask, build, events, streams, upstream } from '../helper.ts'

/** A proxy that makes tunnels to the given port, whatever name it is asked for, and knows for which. */
async function proxy (t: Test, port: number, refuse = false) {
  const asked: string[] = []
  const sockets = new Set<Socket>()
  const server = createServer().on('connect', (request, socket: Socket) => {
    asked.push(`${request.method} ${request.url}`)
    sockets.add(socket)
    if (refuse) {
      socket.end('HTTP/1.1 403 Forbidden\r\n\r\n')
      return
    }
    const other = connect(port, '127.0.0.1')
    for (const end of [socket, other]) end.on('error', () => {}).once('close', () => { socket.destroy(); other.destroy() })
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
    other.pipe(socket).pipe(other)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  // A listening TCP server has an address with a port.
  return { asked, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

test('a service beyond a proxy is asked through a tunnel: it streams, and an abort gets there', async t => {
  const service = await upstream(t, { '/chat/stream': reply => reply.writeHead(200, { 'content-type': 'text/plain' }).write('first') })
  const through = await proxy(t, Number(new URL(service.url).port))
  const { app, url } = await build(t, { COPILOT_SERVICE_URL: 'http://copilot.test:8080', HTTP_PROXY: through.url })
  t.equal(app.copilot.sockets.connected, 0)
  const leave = new AbortController()
  const response = await ask(url, undefined, { signal: leave.signal })
  const reader = response.body?.getReader()
  t.equal(Buffer.from((await reader?.read())?.value ?? []).toString(), 'first')
  t.equal(app.copilot.sockets.running, 1)
  const { socket } = (await service.request()).raw
  leave.abort()
  if (!socket.closed) await once(socket, 'close')
  t.strictSame(through.asked, ['CONNECT copilot.test:8080'])
})

test('a proxy that refuses is named', async t => {
  const through = await proxy(t, 1, true)
  const { url } = await build(t, { COPILOT_SERVICE_URL: 'http://copilot.test', https_proxy: through.url, http_proxy: through.url })
  t.equal(await (await ask(url)).text(), 'Error: Could not connect to Copilot service: the proxy refused to (status 403)')
})

test('a proxy that does not answer costs no connection for long, be it that the reader has left', async t => {
  const sockets: Socket[] = []
  const server = createSocketServer(socket => sockets.push(socket.on('error', () => {}))).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const { url } = await build(t, { COPILOT_SERVICE_URL: 'http://copilot.test', HTTP_PROXY: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, COPILOT_CONNECT_TIMEOUT_MS: '200' })
  const leave = new AbortController()
  const left = ask(url, undefined, { signal: leave.signal }).catch(() => {})
  while (sockets.length < 1) await once(server, 'connection')
  leave.abort()
  await left
  t.match(await (await ask(url)).text(), /^Error: /)
  for (const socket of sockets) {
    socket.resume()
    if (!socket.closed) await once(socket, 'close')
  }
  t.equal(sockets.length >= 2, true)
})

test('loopback and NO_PROXY are asked directly', async t => {
  const service = await upstream(t, { '/chat/stream': streams('direct') })
  const through = await proxy(t, 1, true)
  for (const host of ['127.0.0.1', 'localhost']) {
    const { url } = await build(t, { COPILOT_SERVICE_URL: service.url.replace('127.0.0.1', host), HTTP_PROXY: through.url })
    t.equal(await (await ask(url)).text(), 'direct', host)
  }
  const { url } = await build(t, { COPILOT_SERVICE_URL: 'http://copilot.invalid', HTTP_PROXY: through.url, NO_PROXY: '.invalid' })
  t.equal((await ask(url)).headers.get('x-error-type'), 'connection')
  t.strictSame(through.asked, [])
})

test('what is no proxy stops the start', async t => {
  for (const proxy of ['not a url', 'socks5://proxy.test:1080', 'proxy.test:3128']) await t.rejects(build(t, { COPILOT_SERVICE_URL: 'http://copilot.test', HTTP_PROXY: proxy }), { message: /HTTP_PROXY/ })
})

test('credentials in the URL are sent as Basic, and shown to nobody', async t => {
  const service = await upstream(t, { '/v1/chat/stream': (reply, { headers }) => reply.writeHead(500, { 'content-type': 'application/json' }).end(JSON.stringify({ error: `p@ss and ${headers.authorization}`, errorType: 'sdk' })) })
  const { url, log } = await build(t, { COPILOT_SERVICE_URL: `${service.url.replace('//', '//user:p%40ss@')}/v1` })
  t.notMatch(await (await ask(url)).text(), /p@ss|dXNlcjpwQHNz/)
  t.equal(service.requests[0]?.headers.authorization, `Basic ${Buffer.from('user:p@ss').toString('base64')}`)
  await log.ended()
  t.notMatch(JSON.stringify(log.lines), /p@ss|p%40ss|dXNlcjpwQHNz/)
})

test('credentials in the URL and a token, or credentials that cannot be read, stop the start', async t => {
  await t.rejects(build(t, { COPILOT_SERVICE_URL: 'http://user@service', COPILOT_SERVICE_TOKEN: 'token' }), { message: /both are one header/ })
  await t.rejects(build(t, { COPILOT_SERVICE_URL: 'http://user:%ff@service' }), { message: /percent-encoded/ })
})

test('a certificate that nobody vouches for is refused, and the error says so', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'certificate-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=localhost', '-keyout', join(directory, 'key'), '-out', join(directory, 'cert')], { stdio: 'ignore' })
  const server = createTlsServer({ key: readFileSync(join(directory, 'key')), cert: readFileSync(join(directory, 'cert')) }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const { url } = await build(t, { COPILOT_SERVICE_URL: `https://localhost:${port}` })
  t.equal(await (await ask(url)).text(), 'Error: Could not connect to Copilot service: its certificate was refused (DEPTH_ZERO_SELF_SIGNED_CERT)')
})

test('a reset in the middle is a connection that was lost', async t => {
  const service = await upstream(t, { '/chat/stream': reply => reply.writeHead(200, { 'content-type': 'text/plain' }).write('half', () => setTimeout(() => reply.socket?.resetAndDestroy(), 50)) })
  const { url } = await build(t, { COPILOT_SERVICE_URL: service.url })
  const last = (await events(await ask(url, undefined, { headers: { accept: 'text/event-stream' } }))).at(-1)
  t.match(last, { event: 'error', data: { errorType: 'connection', message: 'The connection to Copilot service was lost' } })
})
