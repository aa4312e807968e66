import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { START, type Part, type Position } from '../lib/answer/answer.ts'
import * as frames from '../lib/sse/frames.ts'
import type { EngineAnswer } from './engines/engine.ts'
import { CopilotError } from './errors.ts'

/** The text of an answer. Bare text says nothing of its end, so that of an answer that is not whole fails behind its last byte. */
export async function * asText (answer: EngineAnswer): AsyncGenerator<Buffer> {
  const parts: AsyncIterable<Part> = answer.parts
  for await (const part of parts) if (part.type === 'text') yield part.bytes
  const reason = frames.reasonOf(answer.ending().finishReason)
  if (reason === 'length') throw new CopilotError('sdk', 'The model broke the answer off because it was too long')
  if (reason === 'filtered') throw new CopilotError('sdk', 'The answer was filtered')
}

/** How often an answer that waits for an earlier turn shows that it is alive, in milliseconds. */
const HEARTBEAT = 5_000

/**
 * An answer as server-sent events, in the gateway's own vocabulary. It fails only before anything was told; after that, a
 * failure is the `error` event at its end. While it waits for an earlier turn of its conversation, comments say so.
 */
export async function * asEvents (answer: EngineAnswer, start: frames.Start): AsyncGenerator<string> {
  const parts: AsyncIterable<Part> = answer.parts
  const hash = createHash('sha256')
  let at: Position = START
  let begun = false
  let committed = false
  try {
    if (answer.queued) {
      const isFree = answer.queued.then(() => true)
      committed = true
      do yield frames.keepAlive
      while (!await Promise.race([isFree, delay(HEARTBEAT, false, { ref: false })]))
    }
    for await (const part of parts) {
      if (!begun) yield frames.start(start)
      begun = committed = true
      at = behind(part, at)
      if (part.type === 'text') hash.update(part.bytes)
      yield told(part, at)
    }
  } catch (error) {
    if (!committed || !(error instanceof CopilotError)) throw error
    yield frames.error(error, at)
    return
  }
  if (!begun) yield frames.start(start)
  const { finishReason, ...rest } = answer.ending()
  yield frames.done({ reason: frames.reasonOf(finishReason), finishReason, bytes: at.bytes, sha256: hash.digest('hex'), ...rest }, at)
}

function behind (part: Part, { bytes, rest }: Position): Position {
  if (part.type === 'text') return { bytes: bytes + part.bytes.length, rest }
  return { bytes, rest: rest + (part.type === 'tool' ? 1 : part.bytes.length) }
}

function told (part: Part, at: Position): string {
  if (part.type === 'tool') return frames.tool(part, at)
  // An engine's parts are whole characters.
  return frames[part.type === 'text' ? 'delta' : 'reasoning'](part.bytes.toString(), at)
}
