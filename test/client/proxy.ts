import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { Test } from 'tap'

/** A TCP proxy on a loopback port whose connections a test can break. */
export interface Proxy {
  readonly url: string
  /** Where new connections go; undefined: they are reset. */
  target: number | undefined
  /** Resets every connection, as a network that is lost does. */
  cut (): void
  /** Passes nothing on any more, and says nothing: a connection that died without anybody noticing. */
  freeze (): void
}

/** Starts a proxy to a port; with `chop`, each byte of a reply is a packet of its own. It stops with the test. */
export async function proxy (t: Test, port: number, chop = false): Promise<Proxy> {
  const sockets = new Set<Socket>()
  const keep = (socket: Socket): void => {
    sockets.add(socket.setNoDelay())
    socket.on('error', () => {}).once('close', () => sockets.delete(socket))
  }
  const server = createServer(client => {
    keep(client)
    if (self.target === undefined) {
      client.resetAndDestroy()
      return
    }
    const upstream = connect(self.target, '127.0.0.1')
    keep(upstream)
    client.pipe(upstream)
    if (chop) upstream.on('data', data => { for (const byte of data) client.write(Uint8Array.of(byte)) }).once('end', () => client.end())
    else upstream.pipe(client)
    upstream.once('close', () => client.destroySoon())
    client.once('close', () => upstream.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const cut = (): void => { for (const socket of sockets) socket.resetAndDestroy() }
  t.teardown(() => {
    cut()
    server.close()
  })
  // A listening TCP server has an address with a port.
  const self: Proxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    target: port,
    cut,
    freeze: () => { for (const socket of sockets) socket.unpipe().pause().removeAllListeners('data') }
  }
  return self
}
