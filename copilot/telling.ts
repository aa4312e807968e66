import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { START, type Part, type Position } from '../lib/answer/answer.ts'
import * as frames from '../lib/sse/frames.ts'
import type { EngineAnswer } from './engines/engine.ts'
import { CopilotError } from './copilot-error.ts'

/** The text of an answer. Plain text cannot mark an answer as incomplete, so the iteration throws after the last byte of an answer that is not whole. */
export async function * asText (answer: EngineAnswer): AsyncGenerator<Buffer> {
  const parts: AsyncIterable<Part> = answer.parts
  for await (const part of parts) if (part.type === 'text') yield part.bytes
  const reason = frames.reasonOf(answer.ending().finishReason)
  if (reason === 'length') throw new CopilotError('sdk', 'The model broke the answer off because it was too long')
  if (reason === 'filtered') throw new CopilotError('sdk', 'The answer was filtered')
}

/** How often a comment is sent while an answer waits for an earlier turn, in milliseconds. */
const HEARTBEAT = 5_000

/**
 * An answer as server-sent events in the gateway's format. The iteration throws only for a failure before the first output; a later
 * failure becomes the `error` event at the end. While the answer waits for an earlier turn, comments keep the connection alive.
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
      do yield frames.heartbeat
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
  // The parts of an engine never split a character.
  return frames[part.type === 'text' ? 'delta' : 'reasoning'](part.bytes.toString(), at)
}
