import type { FastifyReply } from 'fastify'
import type { Readable } from 'node:stream'
import type { CopilotPrompt } from '../lib/copilot/prompt.ts'
import { idempotencyKey } from '../lib/streams/idempotency-key.ts'

/** What is asked on behalf of a reply. */
export interface Asked {
  readonly prompt: CopilotPrompt
  /** What in the body changes the form of the reply, which makes it another question to whoever asks: a JSON value. */
  readonly form: unknown
  /** Whether the answer is to survive a lost connection; with an `Idempotency-Key` it does in any case. */
  readonly resumable?: boolean | undefined
  /** The conversation that it is asked in. */
  readonly chat?: string | undefined
}

/** Asks, once for each `Idempotency-Key`, and delivers the answer. To be called before anything was waited for. */
export async function deliverAnswer (reply: FastifyReply, { prompt, form, resumable = false, chat }: Asked): Promise<Readable> {
  const { request, server: app } = reply
  const key = idempotencyKey(request.headers['idempotency-key'], [request.routeOptions.url, prompt, form])
  if (!key && !resumable) {
    await app.slots.answer(reply)
    return await reply.deliver(app.copilot.answer(prompt, request.upstreamCall))
  }
  const recording = key ? await app.answers.startOnce(reply, prompt, key, chat) : await app.answers.start(reply, prompt, chat)
  if (!recording) {
    reply.header('X-Resumable', 'no')
    return await reply.deliver(app.copilot.answer(prompt, request.upstreamCall))
  }
  return await reply.deliver(recording.read({ bytes: 0 }, request.exchange.signal), recording.id)
}
