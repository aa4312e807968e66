import { type Attributes, context, type Span, SpanKind, SpanStatusCode, trace, type Tracer } from '@opentelemetry/api'
import { type Answer, type Ending, streamOf } from '../answer/answer.ts'
import { notWhole } from '../answer/story.ts'
import type { Upstream } from '../copilot/upstream.ts'
import { type Ended, GatewayError, isFailed, mapError } from '../errors.ts'

/** The counts of tokens, and the attributes that have them. An attribute without a value is not set. */
const TOKENS = [
  ['inputTokens', 'input_tokens'],
  ['cachedInputTokens', 'cache_read.input_tokens'],
  ['outputTokens', 'output_tokens'],
  ['reasoningTokens', 'reasoning.output_tokens']
] as const

interface Outcome { readonly ended: Ended, readonly errorType?: string }

/**
 * Records a span for every answer of a client, from the question to the last byte, however the answer ends. The span is a child of
 * the active span, and the parent of the requests to the service. Attributes are those of OpenTelemetry's semantic conventions
 * for generative AI (semantic-conventions-genai, `gen_ai.client.inference`, in development) and this project's own under
 * `gateway`. The span contains no prompt and no text of the answer.
 */
export function traceAnswers<Client extends Pick<Upstream, 'answer'>> (client: Client, tracer: Tracer): Client {
  const ask = client.answer.bind(client)
  client.answer = async (prompt, call) => {
    const { model } = prompt
    const span = tracer.startSpan(model === undefined ? 'chat' : `chat ${model}`, {
      kind: SpanKind.CLIENT,
      // The Copilot SDK uses the same provider name in its own spans.
      attributes: { 'gen_ai.operation.name': 'chat', 'gen_ai.provider.name': 'github', ...(model !== undefined && { 'gen_ai.request.model': model }) }
    })
    const asked = performance.now()
    try {
      const answer = await context.with(trace.setSpan(context.active(), span), ask, undefined, prompt, call)
      span.setAttributes(beginning(answer, performance.now() - asked))
      const stream = streamOf(answer)
      stream.once('close', () => {
        if (!stream.readableEnded) return end(span, broken(stream.errored, call.signal))
        const ending = answer.ending()
        span.setAttributes(finish(ending))
        end(span, { ended: notWhole(ending) ?? 'complete' })
      })
      return answer
    } catch (error) {
      span.setAttributes({ 'gateway.upstream': mapError(error).source?.url })
      end(span, broken(error, call.signal))
      throw error
    }
  }
  return client
}

function beginning ({ delivery, service }: Answer, firstByteMs: number): Attributes {
  return {
    'gateway.delivery': delivery,
    'gateway.upstream': service,
    ...(delivery === 'stream' && { 'gen_ai.request.stream': true, 'gen_ai.response.time_to_first_chunk': firstByteMs / 1000 })
  }
}

/** The attributes that the service reports at the end of an answer. */
function finish ({ finishReason, usage, model }: Ending): Attributes {
  return {
    ...(finishReason && { 'gen_ai.response.finish_reasons': [finishReason] }),
    ...(model !== undefined && { 'gen_ai.response.model': model }),
    ...Object.fromEntries(TOKENS.map(([name, kind]) => [`gen_ai.usage.${kind}`, usage?.[name]]))
  }
}

/** The outcome of an answer whose stream broke off. */
function broken (error: unknown, { aborted, reason }: AbortSignal): Outcome {
  if (!aborted) return mapError(error)
  // The gateway aborts with a GatewayError; any other reason means that the reader has left.
  return reason instanceof GatewayError ? reason : { ended: 'client_left' }
}

function end (span: Span, { ended, errorType = ended }: Outcome): void {
  span.setAttribute('gateway.ended', ended)
  // No description: the message of the service may quote the prompt.
  if (isFailed(ended)) span.setStatus({ code: SpanStatusCode.ERROR }).setAttribute('error.type', errorType)
  span.end()
}
