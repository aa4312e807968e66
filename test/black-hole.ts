import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'

/** The URL of a host whose connections are never made: its accept queue is full and the process that would empty it is stopped. It goes with the test. */
export async function blackHole (t: Test): Promise<string> {
  const child = spawn(process.execPath, ['-e', `
    const server = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
      console.log(server.address().port)
      process.kill(process.pid, 'SIGSTOP')
    })`], { stdio: ['ignore', 'pipe', 'inherit'], env: {} })
  const fillers: Socket[] = []
  t.teardown(() => {
    for (const socket of fillers) socket.destroy()
    child.kill('SIGKILL')
  })
  const [line] = await once(createInterface(child.stdout), 'line')
  const port = Number(line)
  // The kernel takes one or two more than it was told to; past that a connection stays in the making.
  for (let pending = false; !pending;) {
    const socket = connect(port, '127.0.0.1').on('error', () => {})
    fillers.push(socket)
    pending = await Promise.race([once(socket, 'connect').then(() => false), new Promise<boolean>(resolve => { setTimeout(() => resolve(true), 300) })])
  }
  return `http://127.0.0.1:${port}`
}
