import { createServer, type ServerResponse } from 'node:http'
import { json } from 'node:stream/consumers'
import { now, stamped } from './stamp.ts'

/** What an answer of the paced upstream looks like; a request's prompt is this as JSON, which every relay passes on untouched. */
export interface Script {
  readonly chunks: number
  /** Milliseconds between two chunks; the first one goes out with the headers. */
  readonly everyMs: number
  /** Size of a chunk in bytes. */
  readonly bytes: number
  /** Told in the gateway's events, as the companion does, and not as plain text. */
  readonly events?: boolean
}

interface Answer { readonly script: Script, readonly reply: ServerResponse, sent: number, dueAt: number }

/**
 * The process behind everything that is measured: a Copilot service that streams by the clock. Each answer has a schedule
 * of its own, so that answers that began apart stay apart and their chunks are not sent in bursts.
 */
const answers = new Set<Answer>()

const server = createServer(async (request, reply) => {
  const { prompt } = await json(request) as { prompt: string }
  const script: Script = JSON.parse(prompt)
  const answer = { script, reply, sent: 0, dueAt: now() }
  reply.once('close', () => answers.delete(answer))
  reply.writeHead(200, { 'content-type': `${script.events ? 'text/event-stream' : 'text/plain'}; charset=utf-8` })
  answers.add(answer)
  sendChunk(answer)
})

function sendChunk (answer: Answer): void {
  const { script, reply } = answer
  answer.dueAt += script.everyMs * 1e6
  const chunk = stamped(script.bytes)
  reply.write(script.events ? `event: delta\ndata: {"text":"${chunk}"}\n\n` : chunk)
  if (++answer.sent < script.chunks) return
  answers.delete(answer)
  reply.end(script.events ? 'event: done\ndata: {"reason":"complete","finishReason":"stop"}\n\n' : '')
}

setInterval(() => {
  const time = now()
  for (const answer of answers) if (answer.dueAt <= time) sendChunk(answer)
}, 1)

server.listen(Number(process.env.PORT), '127.0.0.1')
