import { isUtf8 } from 'node:buffer'
import { Readable } from 'node:stream'
import { type Answer, type Part, streamOf } from '../answer/answer.ts'
import type { Exchange } from '../answer/exchange.ts'
import { GatewayError, type MappedError } from '../errors.ts'
import { type CompletionHead, toFinishReason, toOpenAIUsage } from '../openai/completion.ts'
import { toOpenAI } from '../openai/error-format.ts'
import { heartbeat } from '../sse/frames.ts'
import { type Frames, tellInFrames } from './answer-stream.ts'
import type { Protocol, Refusal } from './protocol.ts'
import { emptyAnswer } from './incomplete-answer.ts'

/** The options of a request for a completion. */
export interface OpenAIOptions {
  readonly stream: boolean
  readonly includeUsage: boolean
  /** The model that was asked for. */
  readonly model?: string
}

/** The largest answer that is sent as one JSON object, in bytes of text and reasoning. */
const MAX_BYTES = 16 * 1024 * 1024

/** The gateway's own refusals of a resumable answer, before the service is asked. */
const NOT_ASKED = new Set(['too_many_streams', 'budget_exhausted', 'overloaded'])

/** A failure in OpenAI's format, for replies on its paths that are not answers. */
export function refuseOpenAI (failure: MappedError): Refusal {
  return { type: 'application/json; charset=utf-8', body: JSON.stringify(toOpenAI(failure)) }
}

/** Chat completions as OpenAI's API tells them: chunks of `chat.completion.chunk`, or one JSON object. */
export function openai ({ stream, includeUsage, model = 'default' }: OpenAIOptions): Protocol {
  let asked = false
  let begun = false
  const head = (id: string): CompletionHead => ({ id: `chatcmpl-${id}`, created: Math.floor(Date.now() / 1000), model })
  return {
    name: 'openai',
    headers: { 'Content-Type': stream ? 'text/event-stream; charset=utf-8' : 'application/json; charset=utf-8' },
    async tell (pending, exchange, { requestId, streamId = requestId, heartbeatMs }) {
      asked = true
      if (stream) return await tellInFrames(chunks(head(streamId), includeUsage), pending, exchange, heartbeatMs)
      const answer = await pending
      begun = true
      return await whole(head(streamId), answer, exchange)
    },
    refuse (failure) {
      // OpenAI's clients retry most failures by themselves; a question that the service may have processed would be paid for twice.
      const { source, errorType } = failure
      const refused = source ? source.unprocessed || source.refused : NOT_ASKED.has(errorType)
      const worked = asked && (begun || !refused)
      return { ...refuseOpenAI(failure), ...(worked && { headers: { 'X-Should-Retry': 'false' } }) }
    }
  }
}

function chunks (head: CompletionHead, includeUsage: boolean): Frames {
  const begun = `{"id":${JSON.stringify(head.id)},"object":"chat.completion.chunk","created":${head.created},"model":${JSON.stringify(head.model)},`
  const chunk = (delta: string, finishReason = 'null'): string => `data: ${begun}"choices":[{"index":0,"delta":${delta},"finish_reason":${finishReason}}]}\n\n`
  return {
    heartbeat,
    cutsFailures: true,
    // Some clients lose the usage of an answer whose first delta has no role.
    begin: () => chunk('{"role":"assistant","content":""}'),
    text: text => chunk(`{"content":${JSON.stringify(text)}}`),
    reasoning: text => chunk(`{"reasoning_content":${JSON.stringify(text)}}`),
    tool: () => '',
    end: ({ finishReason, usage }) => {
      const counted = includeUsage && toOpenAIUsage(usage)
      return [
        chunk('{}', JSON.stringify(toFinishReason(finishReason))),
        counted ? `data: ${begun}"choices":[],"usage":${JSON.stringify(counted)}}\n\n` : '',
        'data: [DONE]\n\n'
      ].join('')
    },
    fail: failure => `data: ${JSON.stringify(toOpenAI(failure))}\n\n`
  }
}

/** The answer as one object. Its reader is told nothing before its end, so that every failure has a status. */
async function whole (head: CompletionHead, answer: Answer, exchange: Exchange): Promise<Readable> {
  exchange.began(answer)
  const source = streamOf(answer)
  // Nobody else has the answer yet, and would let go of it.
  exchange.onOver(() => source.destroy())
  const text: Buffer[] = []
  const reasoning: Buffer[] = []
  let size = 0
  const take = (chunks: Buffer[], bytes: Buffer): void => {
    chunks.push(bytes)
    size += bytes.length
    if (size > MAX_BYTES) source.destroy(new GatewayError('bad_reply', { detail: `larger than ${MAX_BYTES} bytes` }))
  }
  await new Promise<void>((resolve, reject) => {
    source.on('data', answer.body
      ? (bytes: Buffer) => take(text, bytes)
      : (part: Part) => { if (part.type !== 'tool') take(part.type === 'text' ? text : reasoning, part.bytes) })
    source.once('error', reject).once('end', resolve).once('close', () => reject(new Error('the reader has left')))
  })
  const content = Buffer.concat(text)
  const thoughts = Buffer.concat(reasoning)
  const ending = answer.ending()
  const failure = isUtf8(content) && isUtf8(thoughts) ? emptyAnswer(ending, content.length) : new GatewayError('bad_reply', { detail: 'its text is not UTF-8' })
  if (failure) throw failure
  return Readable.from([Buffer.from(JSON.stringify({
    ...head,
    object: 'chat.completion',
    choices: [{
      index: 0,
      message: { role: 'assistant', content: content.toString(), refusal: null, ...(thoughts.length > 0 && { reasoning_content: thoughts.toString() }) },
      logprobs: null,
      finish_reason: toFinishReason(ending.finishReason)
    }],
    usage: toOpenAIUsage(ending.usage)
  }))])
}
