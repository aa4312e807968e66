import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { Server } from 'node:http'
import { Socket } from 'node:net'

/** What is done with the further servers of an application. */
export interface FurtherServers {
  /** Called once for each, before it has a connection where Node tells of it in time. */
  found (server: Server): void
  /** Called for each of their connections, before a byte of it is read. */
  connected? (socket: Socket): void
}

/**
 * Watches for the servers that Fastify makes beside the first one, a further one for each address of `localhost`, and gives nobody
 * a hold of. Node tells of each server that listens, and which one a connection has come to (`tracing:net.server.listen`,
 * `net.server.socket`, https://nodejs.org/api/diagnostics_channel.html#net); ours have the first one's handler. Ends by the function
 * that it returns.
 */
export function watchFurtherServers (first: Server, { found, connected }: FurtherServers): () => void {
  const [handler] = first.listeners('request')
  const further = new WeakSet<Server>()

  function onListen (message: unknown): void {
    const server = field(message, 'server')
    if (!(server instanceof Server) || server === first || further.has(server) || server.listeners('request')[0] !== handler) return
    further.add(server)
    found(server)
  }

  function onConnection (message: unknown): void {
    const socket = field(message, 'socket')
    onListen(socket)
    const server = field(socket, 'server')
    if (socket instanceof Socket && server instanceof Server && further.has(server)) connected?.(socket)
  }

  subscribe('tracing:net.server.listen:asyncStart', onListen)
  subscribe('net.server.socket', onConnection)
  return () => {
    unsubscribe('tracing:net.server.listen:asyncStart', onListen)
    unsubscribe('net.server.socket', onConnection)
  }
}

/** Keeps Fastify from closing all further servers for good when the first cannot accept a connection. To be called once it listens. */
export function keepFurtherServers (first: Server): void {
  for (const listener of first.listeners('error')) {
    if (listener.name === 'closeSecondary') Reflect.apply(first.off, first, ['error', listener])
  }
}

function field (value: unknown, name: string): unknown {
  return Reflect.get(Object(value), name)
}
