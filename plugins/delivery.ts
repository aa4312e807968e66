import { setTimeout as sleep } from 'node:timers/promises'
import type { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import fp from 'fastify-plugin'
import type { Answer, BodyAnswer } from '../lib/answer/answer.ts'
import { GatewayError } from '../lib/errors.ts'
import { EventStream } from '../lib/sse/event-stream.ts'
import { nothing } from '../lib/sse/frames.ts'
import { acceptsEvents } from '../lib/sse/negotiation.ts'

declare module 'fastify' {
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
  const { SSE_HEARTBEAT_MS: heartbeat, STREAM_MAX_MS } = app.config

  app.decorateReply('deliver', async function (pending, streamId) {
    const { exchange } = this.request
    exchange.limit(STREAM_MAX_MS, () => new GatewayError('max_duration'))
    const protocol = acceptsEvents(this.request.headers) ? 'events' : 'text'
    exchange.tells(protocol, streamId === undefined ? 'answer' : 'recorded')
    return protocol === 'events' ? await asEvents(this, pending, streamId) : asText(this, await pending, streamId)
  })

  function asText (reply: FastifyReply, answer: BodyAnswer, streamId: string | undefined): Readable {
    setHeaders(reply, 'text/plain; charset=utf-8', answer, streamId)
    reply.request.exchange.began(answer)
    return answer.body
  }

  async function asEvents (reply: FastifyReply, pending: Promise<BodyAnswer>, streamId: string | undefined): Promise<Readable> {
    const { request } = reply
    const inTime = new AbortController()
    // A slow model's reader must see that the connection is alive; until then a failure has a status of its own.
    const slow = sleep(heartbeat, undefined, { signal: inTime.signal }).catch(() => undefined)
    const answer = await Promise.race([pending, slow]).finally(() => inTime.abort())

    const events = new EventStream(heartbeat)
    const tell = (answer: BodyAnswer): void => {
      const { body, delivery, model, offset, ending, summary } = answer
      request.exchange.began(answer)
      events.tell({
        start: { ...(streamId && { streamId }), requestId: request.id, delivery, ...(model !== undefined && { model }) },
        body,
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
        events.fail(request.exchange.fail(error), streamId === undefined ? undefined : nothing)
      })
    }
    return events
  }
}, { name: 'delivery', dependencies: ['config', 'exchange', 'errors'] })

function setHeaders (reply: FastifyReply, type: string, answer: Answer | undefined, streamId: string | undefined): void {
  reply.headers({
    ...HEADERS,
    'Content-Type': type,
    ...(answer && { 'X-Copilot-Delivery': answer.delivery }),
    ...(streamId && { 'X-Stream-Id': streamId })
  })
}
