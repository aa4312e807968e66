import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Answer } from '../lib/copilot/client.ts'
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
  /** True while an answer is being written to the socket. */
  isAnswering (socket: Socket): boolean
}

declare module 'fastify' {
  interface FastifyInstance { readonly lifecycle: Lifecycle }
  interface FastifyRequest {
    /** Aborts when nobody will read the answer any more: the client left, or the drain was over first. */
    readonly disconnected: AbortSignal
    /** How the reply ended, known by the time its `close` event is over; set earlier by whatever cuts it. */
    ended: Ended | null
    /** The answer that is being relayed. */
    answer: Answer | null
    /** Milliseconds from the request to the first byte of the answer; null before it. */
    firstByteAfter: number | null
  }
  interface FastifyReply {
    /** Marks an answer as this reply's and returns its body, for the route to return. */
    relay (answer: Answer): Answer['body']
  }
}

/** Knows every request from its arrival to its last byte, tells its parts when the client is gone, and drains on close. */
export default fp(async function lifecycle (app) {
  const { DRAIN_DELAY_MS, DRAIN_TIMEOUT_MS } = app.config
  const inFlight = new Map<FastifyRequest, { readonly reply: FastifyReply, readonly controller: AbortController }>()
  let phase: Phase = 'serving'
  let cut = 0
  let onIdle = (): void => {}

  app.decorate('lifecycle', {
    get phase () { return phase },
    get inFlight () { return inFlight.size },
    get cut () { return cut },
    isAnswering: socket => [...inFlight.keys()].some(({ raw }) => raw.socket === socket)
  })
  app.decorateRequest('ended', null)
  app.decorateRequest('answer', null)
  app.decorateRequest('firstByteAfter', null)
  app.decorateRequest('disconnected', {
    // Every request is in flight while anything asks for this.
    getter () { return inFlight.get(this)?.controller.signal ?? AbortSignal.abort() }
  })

  app.decorateReply('relay', function (answer) {
    this.request.answer = answer
    this.request.firstByteAfter = this.elapsedTime
    answer.body.once('error', error => {
      // A client that left, or a drain, is the cause already: the body failed because of it.
      if (this.request.ended) return
      this.request.failure = fromTransport(error)
      this.request.ended = this.request.failure.ended
      resetOldClient(this)
    })
    return answer.body
  })

  app.addHook('onRequest', async (request, reply) => {
    const controller = new AbortController()
    inFlight.set(request, { reply, controller })
    // The only event that comes for every way an answer can end; Fastify's hooks miss a client that leaves mid-stream.
    reply.raw.once('close', () => {
      if (reply.raw.writableFinished) {
        request.ended = request.failure?.ended ?? 'complete'
      } else {
        request.ended ??= 'client_left'
        controller.abort(new Error('the client left'))
      }
      inFlight.delete(request)
      if (phase === 'closed') closeIdle()
      if (inFlight.size === 0) onIdle()
    })
    reply.header('X-Request-Id', request.id)
    if (phase === 'closed') throw new GatewayError('draining')
  })

  /** Lets a kept-alive connection end with its last answer instead of holding the process for its keep-alive time. */
  function closeIdle (): void {
    if (inFlight.size === 0) app.server.closeAllConnections()
    else app.server.closeIdleConnections()
  }

  function cutAnswers (): void {
    for (const [request, { reply, controller }] of inFlight) {
      cut++
      request.ended = 'drained'
      if (!reply.raw.headersSent) {
        controller.abort(new GatewayError('draining'))
      } else {
        resetOldClient(reply)
        reply.raw.destroy()
      }
    }
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
    clearTimeout(deadline)
    // The server is closed a moment before the replies that were cut know that they are.
    if (inFlight.size > 0) await new Promise<void>(resolve => { onIdle = resolve })
    if (cut > 0) {
      app.log.warn({ cut }, 'answers were cut at shutdown')
      throw new Error(`${cut} ${cut === 1 ? 'answer was' : 'answers were'} cut at shutdown`)
    }
  })
}, { name: 'lifecycle', dependencies: ['config', 'errors'] })

/** HTTP/1.0 has no last chunk: there a closed connection looks like a whole answer, and only a reset says that it is not. */
function resetOldClient ({ request, raw }: FastifyReply): void {
  if (request.raw.httpVersion === '1.0') raw.socket?.resetAndDestroy()
}
