import { once } from 'node:events'
import { connect } from 'node:net'

/** Sends bytes as they are to a loopback port and resolves with all that comes back until the connection closes. */
export async function raw (port: number, ...parts: Array<string | Buffer>): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  const chunks: Buffer[] = []
  socket.on('data', chunk => chunks.push(chunk)).on('error', () => {})
  for (const part of parts) socket.write(part)
  await once(socket, 'close')
  return Buffer.concat(chunks).toString()
}
