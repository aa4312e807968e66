import * as frames from '../sse/frames.ts'
import { type Frames, tellInFrames } from './answer-stream.ts'
import type { Protocol, Reader } from './protocol.ts'
import { inJson } from './refusals.ts'

/** The gateway's own events (`lib/sse/frames.ts`): every part with its position, and a last event with the outcome, size and digest. */
export const events: Protocol = {
  name: 'events',
  headers: { 'Content-Type': 'text/event-stream; charset=utf-8' },
  tell: (answer, exchange, reader) => tellInFrames(framesFor(reader), answer, exchange, reader.heartbeatMs, reader.streamId === undefined ? undefined : frames.nothing),
  refuse: inJson
}

/** Failures of a reading, and not of its answer. */
const ELSEWHERE = ['draining', 'store_unavailable']

function framesFor ({ requestId, streamId }: Reader): Frames {
  return {
    heartbeat: frames.heartbeat,
    digests: true,
    begin: ({ delivery, model }) => frames.start({ ...(streamId !== undefined && { streamId }), requestId, delivery, ...(model !== undefined && { model }) }),
    text: frames.delta,
    reasoning: frames.reasoning,
    tool: frames.tool,
    end: (ending, { bytes, sha256 }, at) => frames.done({ reason: frames.reasonOf(ending.finishReason), ...ending, bytes, sha256 }, at),
    fail (failure, at, summary) {
      // A recorded answer that was stopped is over as it was meant to be; one whose gateway drains, or reads it from a store that is lost, is to be read on elsewhere, or later.
      if (failure.errorType === 'stopped' && summary) return frames.done({ reason: 'stopped', finishReason: null, ...summary() }, at)
      if (ELSEWHERE.includes(failure.errorType) && summary) return frames.reconnect(at)
      return frames.error(failure, at)
    }
  }
}
