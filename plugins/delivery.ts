import { setTimeout as sleep } from 'node:timers/promises'
import type { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import fp from 'fastify-plugin'
import type { Answer, BodyAnswer } from '../lib/answer/answer.ts'
import { EventStream } from '../lib/sse/event-stream.ts'
import { nothing } from '../lib/sse/frames.ts'
import { acceptsEvents } from '../lib/sse/negotiation.ts'

/** How a reader is told an answer. */
export interface Form {
  readonly protocol: 'text' | 'events'
  /** It is read from a recording. */
  readonly resumable: boolean
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The form of the answer, once one was asked for; null for every other reply. */
    form: Form | null
  }
  interface FastifyReply {
    /**
     * Makes the body of this reply out of an answer, as text or as events, whichever the request accepts. `streamId`
     * names a resumable answer. Rejects as `pending` does, if that is before anything had to be sent.
     */
    deliver (pending: Promise<BodyAnswer>, streamId?: string): Promise<Readable>
  }
}

const HEADERS = {
  'Cache-Control': 'no-cache, no-transform',
  'X-Accel-Buffering': 'no',
  'X-Content-Type-Options': 'nosniff'
}

/** Delivers answers in the form that the reader asked for. */
export default fp(async function delivery (app) {
  const { SSE_HEARTBEAT_MS: heartbeat } = app.config

  app.decorateRequest('form', null)
  app.decorateReply('deliver', async function (pending, streamId) {
    this.bound()
    const protocol = acceptsEvents(this.request.raw) ? 'events' : 'text'
    this.request.form = { protocol, resumable: streamId !== undefined }
    return protocol === 'events' ? await asEvents(this, pending, streamId) : asText(this, await pending, streamId)
  })

  function asText (reply: FastifyReply, answer: BodyAnswer, streamId: string | undefined): Readable {
    setHeaders(reply, 'text/plain; charset=utf-8', answer, streamId)
    return reply.relay(answer)
  }

  async function asEvents (reply: FastifyReply, pending: Promise<BodyAnswer>, streamId: string | undefined): Promise<Readable> {
    const { request } = reply
    const inTime = new AbortController()
    // A slow model's reader must see that the connection is alive; until then a failure has a status of its own.
    const slow = sleep(heartbeat, undefined, { signal: inTime.signal }).catch(() => undefined)
    const answer = await Promise.race([pending, slow]).finally(() => inTime.abort())

    const events = new EventStream(heartbeat)
    const tell = (answer: BodyAnswer): void => {
      const { delivery, model, offset, ending, summary } = answer
      events.tell({
        start: { ...(streamId && { streamId }), requestId: request.id, delivery, ...(model !== undefined && { model }) },
        body: reply.relay(answer),
        offset: offset.bytes,
        ending,
        ...(summary && { summary })
      })
    }
    setHeaders(reply, 'text/event-stream; charset=utf-8', answer, streamId)
    if (answer) {
      tell(answer)
    } else {
      events.open()
      pending.then(tell).catch((error: unknown) => {
        request.failure = app.mapError(error)
        events.fail(request.failure, streamId === undefined ? undefined : nothing)
      })
    }
    return events
  }
}, { name: 'delivery', dependencies: ['config', 'lifecycle', 'errors'] })

function setHeaders (reply: FastifyReply, type: string, answer: Answer | undefined, streamId: string | undefined): void {
  reply.headers({
    ...HEADERS,
    'Content-Type': type,
    ...(answer && { 'X-Copilot-Delivery': answer.delivery }),
    ...(streamId && { 'X-Stream-Id': streamId })
  })
}
