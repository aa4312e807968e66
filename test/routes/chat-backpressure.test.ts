import { once } from 'node:events'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { test } from 'tap'
import { pair, rawAsk } from '../helper.ts'

const MiB = 1024 * 1024
const ANSWER = 100 * MiB

setFlagsFromString('--expose-gc')
const collectGarbage: () => void = runInNewContext('gc')

/** Bytes that are in use in this process, upstream and reader included. */
function memory (): number {
  collectGarbage()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

test('a slow reader holds the upstream back, and 100 MiB of answer take no memory', async t => {
  const chunk = Buffer.alloc(64 * 1024, 'x')
  let written = 0
  const { port, log } = await pair(t, {
    '/chat/stream': async reply => {
      reply.writeHead(200, { 'content-type': 'text/plain' })
      while (written < ANSWER) {
        written += chunk.length
        if (!reply.write(chunk)) await once(reply, 'drain')
      }
      reply.end()
    }
  })

  const socket = await rawAsk(port)
  let read = 0
  let ahead = 0
  let grown = 0
  let nextLook = 0
  const before = memory()
  while (read < ANSWER) {
    const piece: Buffer | null = socket.read()
    if (!piece) {
      await once(socket, 'readable')
      continue
    }
    read += piece.length
    // Between two pieces the upstream has all the time it could want to run ahead.
    for (let turn = 0; turn < 3; turn++) await new Promise(resolve => setImmediate(resolve))
    if (read < nextLook) continue
    nextLook = read + 5 * MiB
    ahead = Math.max(ahead, written - read)
    grown = Math.max(grown, memory() - before)
  }
  socket.destroy()
  await log.ended()

  t.comment(`the upstream was at most ${(ahead / MiB).toFixed(1)} MiB ahead, memory at most ${(grown / MiB).toFixed(1)} MiB above its start`)
  // Between the two ends lie two pairs of the kernel's socket buffers and a few streams' high-water marks.
  t.ok(ahead < 32 * MiB, `the upstream was ${ahead} bytes ahead`)
  t.ok(grown < 32 * MiB, `memory grew by ${grown} bytes`)
})
