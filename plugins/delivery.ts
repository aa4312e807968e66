import type { Readable } from 'node:stream'
import fp from 'fastify-plugin'
import type { Answer } from '../lib/answer/answer.ts'
import { GatewayError } from '../lib/errors.ts'

declare module 'fastify' {
  interface FastifyReply {
    /**
     * Makes the body of this reply out of an answer, as its reader is to be told ({@link FastifyInstance.protocolOf}). `streamId`
     * names a resumable answer. Rejects as `pending` does, if that is before anything had to be sent.
     */
    deliver (pending: Promise<Answer>, streamId?: string): Promise<Readable>
  }
}

const HEADERS = {
  'Cache-Control': 'no-cache, no-transform',
  'X-Accel-Buffering': 'no',
  'X-Content-Type-Options': 'nosniff'
}

/** Delivers answers by the protocol of their reader. */
export default fp(async function delivery (app) {
  const { SSE_HEARTBEAT_MS: heartbeatMs, STREAM_MAX_MS } = app.config

  app.decorateReply('deliver', async function (pending, streamId) {
    const { exchange, id: requestId } = this.request
    const protocol = app.protocolOf(this.request)
    exchange.limit(STREAM_MAX_MS, () => new GatewayError('max_duration'))
    exchange.setProtocol(protocol.name, streamId === undefined ? 'answer' : 'recorded')
    const body = await protocol.tell(pending, exchange, { requestId, heartbeatMs, ...(streamId !== undefined && { streamId }) })
    this.headers({
      ...HEADERS,
      ...protocol.headers,
      // When a heartbeat has committed the reply before the answer began, its `start` event says how it is delivered.
      ...(exchange.answer && { 'X-Copilot-Delivery': exchange.answer.delivery }),
      ...(streamId !== undefined && { 'X-Stream-Id': streamId })
    })
    return body
  })
}, { name: 'delivery', dependencies: ['config', 'exchange', 'errors'] })
