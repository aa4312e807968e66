import type { Socket } from 'node:net'

/**
 * Closes a connection by a TCP reset. An answer without framing, as in HTTP/1.0, looks whole when its connection is closed, and only
 * a reset shows that it was cut (RFC 9112 §8). A Unix socket has no reset, and is closed at once.
 */
export function resetConnection (socket: Socket): void {
  if (socket.remoteFamily === undefined) socket.destroy()
  else socket.resetAndDestroy()
}
