import type { Ending, FinishReason, ToolPart } from '../answer/answer.ts'
import { heartbeat } from '../sse/frames.ts'
import { type Frames, tellInFrames } from './answer-stream.ts'
import type { Protocol, Reader } from './protocol.ts'
import { inWords } from './refusals.ts'

/** The AI SDK's names of the finish reasons. */
const REASONS: Readonly<Record<FinishReason, string>> = { stop: 'stop', length: 'length', content_filter: 'content-filter' }

/** The AI SDK's UI message stream (version 1), as `useChat` reads it. */
export const aiSdk: Protocol = {
  name: 'ai-sdk',
  headers: { 'Content-Type': 'text/event-stream; charset=utf-8', 'x-vercel-ai-ui-message-stream': 'v1' },
  tell: (answer, exchange, reader) => tellInFrames(chunks(reader), answer, exchange, reader.heartbeatMs),
  refuse: inWords
}

function chunk (data: object): string {
  return `data: ${JSON.stringify(data)}\n\n`
}

const DONE = 'data: [DONE]\n\n'

/** A message consists of blocks of text or reasoning, each with a start and an end, with tools between them. */
function chunks ({ requestId, streamId }: Reader): Frames {
  let open: 'text' | 'reasoning' | undefined
  let blocks = 0
  let begun = ''
  const used = new Set<string>()
  const close = (): string => {
    const end = open === undefined ? '' : chunk({ type: `${open}-end`, id: String(blocks) })
    open = undefined
    return end
  }
  const say = (type: 'text' | 'reasoning', text: string): string => {
    let before = ''
    if (open !== type) {
      before = close() + chunk({ type: `${type}-start`, id: String(++blocks) })
      open = type
      begun = `data: {"type":"${type}-delta","id":"${blocks}","delta":`
    }
    return `${before}${begun}${JSON.stringify(text)}}\n\n`
  }
  return {
    heartbeat,
    // Every reading of a recorded answer has the same message id.
    begin: () => chunk({ type: 'start', messageId: streamId ?? requestId }) + chunk({ type: 'start-step' }),
    text: text => say('text', text),
    reasoning: text => say('reasoning', text),
    tool: part => {
      // The SDK fails on the output of a tool whose input it has not got.
      const before = part.state === 'running' || used.has(part.id) ? '' : tool({ ...part, state: 'running' })
      used.add(part.id)
      return close() + before + tool(part)
    },
    end: ending => close() + chunk({ type: 'finish-step' }) + finish(ending) + DONE,
    fail: ({ errorType, message }) => chunk(errorType === 'stopped' ? { type: 'abort' } : { type: 'error', errorText: message }) + DONE
  }
}

function tool ({ id, name, state, input, output }: ToolPart): string {
  // The service has called it, by a name that the page's own tools do not have.
  const told = { toolCallId: id, dynamic: true, providerExecuted: true }
  switch (state) {
    case 'running': return chunk({ type: 'tool-input-available', ...told, toolName: name, input: input ?? {} })
    case 'done': return chunk({ type: 'tool-output-available', ...told, output: output ?? '' })
    case 'failed': return chunk({ type: 'tool-output-error', ...told, errorText: output ?? 'The tool failed' })
  }
}

function finish ({ finishReason, usage }: Ending): string {
  return chunk({ type: 'finish', finishReason: REASONS[finishReason ?? 'stop'], ...(usage && { messageMetadata: { usage } }) })
}
