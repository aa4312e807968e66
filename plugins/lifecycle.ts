import { EventEmitter, once } from 'node:events'
import { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { type Answer, type BodyAnswer, streamOf } from '../lib/answer/answer.ts'
import { fromTransport } from '../lib/copilot/failures.ts'
import { type Ended, GatewayError } from '../lib/errors.ts'

/** How far the process is on its way out. */
export type Phase = 'serving' | 'draining' | 'closed'

/** What is known of the answers in flight. */
export interface Lifecycle {
  /** `draining` from SIGTERM on; `closed` once new requests are refused. */
  readonly phase: Phase
  /** How many requests are being answered. */
  readonly inFlight: number
  /** How many answers were cut because they outlasted the drain. */
  readonly cut: number
  /** The replies to what a connection has asked, in their order, until they are over. */
  repliesOn (socket: Socket): FastifyReply[]
  /** Resolves when nothing is being answered any more. */
  idle (): Promise<void>
}

declare module 'fastify' {
  interface FastifyInstance { readonly lifecycle: Lifecycle }
  interface FastifyRequest {
    /** Aborts when nobody will read the answer any more: the client left, or the drain was over first. */
    disconnected: AbortSignal
    /** How the reply ended, known by the time its `close` event is over; set earlier by whatever cuts it. */
    ended: Ended | null
    /** The answer that is being relayed. */
    answer: Answer | null
    /** Milliseconds from the request to the first byte of the answer; null before it. */
    firstByteAfter: number | null
  }
  interface FastifyReply {
    /** Bounds the time that this reply may take in all, from its request on. */
    bound (): void
    /** Marks an answer as this reply's and returns its body, for the route to return. */
    relay (answer: BodyAnswer): BodyAnswer['body']
  }
}

/** How long readers have, once the drain is over, to take an error status or a last event. */
const LAST_WORDS_MS = 1_000

/** Knows every request from its arrival to its last byte, tells its parts when the client is gone, and drains on close. */
export default fp(async function lifecycle (app) {
  const { CLIENT_STALL_TIMEOUT_MS, DRAIN_DELAY_MS, DRAIN_TIMEOUT_MS, STREAM_MAX_MS } = app.config
  const inFlight = new Map<FastifyRequest, { readonly reply: FastifyReply, readonly controller: AbortController }>()
  let phase: Phase = 'serving'
  let cut = 0
  const ends = new EventEmitter().setMaxListeners(0)

  app.decorate('lifecycle', {
    get phase () { return phase },
    get inFlight () { return inFlight.size },
    get cut () { return cut },
    repliesOn: socket => [...inFlight.values()].flatMap(({ reply }) => reply.request.raw.socket === socket ? [reply] : []),
    async idle () { if (inFlight.size > 0) await once(ends, 'idle') }
  })
  app.decorateRequest('ended', null)
  app.decorateRequest('answer', null)
  app.decorateRequest('firstByteAfter', null)
  app.decorateRequest('disconnected', null, [])

  app.decorateReply('relay', function (answer) {
    const { request } = this
    request.answer = answer
    request.firstByteAfter = this.elapsedTime
    answer.body.once('error', error => {
      // A client that left is the cause already: the body failed because of it.
      if (request.ended) return
      request.failure = fromTransport(error)
      request.ended = request.failure.ended
    })
    return answer.body
  })
  app.decorateReply('bound', function () {
    const { request, raw } = this
    const limit = setTimeout(() => abort(request, new GatewayError('max_duration')), STREAM_MAX_MS)
    raw.once('close', () => clearTimeout(limit))
  })

  app.addHook('onRequest', async (request, reply) => {
    const controller = new AbortController()
    request.disconnected = controller.signal
    inFlight.set(request, { reply, controller })
    // The only event that comes for every way an answer can end; Fastify's hooks miss a client that leaves mid-stream.
    // Before all who want to know then how it ended, wherever they stand.
    reply.raw.prependOnceListener('close', () => {
      if (reply.raw.writableFinished) {
        request.ended ??= request.failure?.ended ?? 'complete'
      } else {
        request.ended ??= 'client_left'
        controller.abort(new DOMException('the client left', 'AbortError'))
      }
      inFlight.delete(request)
      if (!request.raw.socket.writable) closeQueued(request.raw.socket)
      if (phase === 'closed') closeIdle()
      if (inFlight.size === 0) ends.emit('idle')
    })
    // Node restarts this timer with every byte that the reader takes, and with every write.
    reply.raw.setTimeout(CLIENT_STALL_TIMEOUT_MS, () => {
      if (reply.raw.writableLength === 0) return
      const failure = request.failure = new GatewayError('client_stalled')
      request.ended = failure.ended
      abort(request, failure)
      reply.raw.socket?.destroy()
    })
    // Fastify destroys a reply whose stream fails, which is to cut it and not to take back what was written.
    reply.raw.destroy = () => cutOff(reply)
    reply.header('X-Request-Id', request.id)
    // Node only says so by itself: it goes on reading, and answers what comes behind with a 503 of its own.
    if ('maxRequestsOnConnectionReached' in reply.raw && reply.raw.maxRequestsOnConnectionReached) reply.header('Connection', 'close')
    if (phase === 'closed') throw new GatewayError('draining')
  })

  /** Closes the replies that wait behind another on a connection that is closed: Node tells them nothing of it. */
  function closeQueued (socket: Socket): void {
    for (const [{ raw }, { reply }] of inFlight) {
      if (raw.socket === socket && !reply.raw.socket) reply.raw.destroy().emit('close')
    }
  }

  /** Lets a kept-alive connection end with its last answer instead of holding the process for its keep-alive time. */
  function closeIdle (): void {
    if (inFlight.size === 0) app.server.closeAllConnections()
    else app.server.closeIdleConnections()
  }

  /** Ends an answer before its time, wherever it is: what is asked for is given up, what is being read fails. */
  function abort (request: FastifyRequest, failure: GatewayError): void {
    inFlight.get(request)?.controller.abort(failure)
    if (request.answer) streamOf(request.answer).destroy(failure)
  }

  function cutAnswers (): void {
    for (const request of inFlight.keys()) {
      cut++
      abort(request, new GatewayError('draining'))
    }
    // What is left then is a reader that does not even take the end.
    deadline = setTimeout(() => {
      for (const { raw } of inFlight.keys()) raw.socket.destroy()
    }, LAST_WORDS_MS)
  }

  let deadline: NodeJS.Timeout | undefined
  app.addHook('preClose', async () => {
    phase = 'draining'
    if (app.server.listening) {
      app.log.info({ inFlight: inFlight.size, delayMs: DRAIN_DELAY_MS, timeoutMs: DRAIN_TIMEOUT_MS }, 'draining')
      await sleep(DRAIN_DELAY_MS)
    }
    phase = 'closed'
    deadline = setTimeout(cutAnswers, DRAIN_TIMEOUT_MS)
    // After this hook Fastify closes the listener; what is idle by then goes with it.
    setImmediate(closeIdle)
  })
  app.addHook('onClose', async () => {
    await app.lifecycle.idle()
    clearTimeout(deadline)
    if (cut > 0) {
      app.log.warn({ cut }, 'answers were cut at shutdown')
      throw new Error(`${cut} ${cut === 1 ? 'answer was' : 'answers were'} cut at shutdown`)
    }
  })
}, { name: 'lifecycle', dependencies: ['config', 'errors'] })

/** Ends a connection where the rest of an answer should be: what was written goes out, and no last chunk behind it. */
function cutOff ({ request, raw }: FastifyReply): FastifyReply['raw'] {
  const { socket, httpVersion } = request.raw
  // HTTP/1.0 has no last chunk: there an end looks like the whole answer, and only a reset says that it is not.
  if (httpVersion === '1.0') socket.resetAndDestroy()
  // What is on the connection is the reply before it, which goes on; Node's own way is to wait for the turn of this one.
  else if (!raw.socket) ServerResponse.prototype.destroy.call(raw)
  else socket.destroySoon()
  return raw
}
