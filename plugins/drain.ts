import { EventEmitter, once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { LAST_WORDS_MS } from '../lib/answer/exchange.ts'
import { GatewayError } from '../lib/errors.ts'

/** The state of the shutdown. */
export type Phase = 'serving' | 'draining' | 'closed'

/** What is known of the answers in flight. */
export interface Lifecycle {
  /** `draining` from SIGTERM on; `closed` once new requests are refused. */
  readonly phase: Phase
  /** How many requests are being answered. */
  readonly inFlight: number
  /** How many answers were cut because they outlasted the drain. */
  readonly cut: number
  /** Resolves when nothing is being answered any more. */
  idle (): Promise<void>
}

declare module 'fastify' {
  interface FastifyInstance { readonly lifecycle: Lifecycle }
}

/** On close, lets the answers in flight end within `DRAIN_TIMEOUT_MS`, refuses what is new, and cuts what is left. */
export default fp(async function drain (app) {
  const { DRAIN_DELAY_MS, DRAIN_TIMEOUT_MS } = app.config
  const inFlight = new Set<FastifyRequest>()
  let phase: Phase = 'serving'
  let cut = 0
  const ends = new EventEmitter().setMaxListeners(0)
  /** Replies on the server's connections, those included that are not the gateway's but the application's that it is a part of. */
  const replies = new Set<ServerResponse>()
  app.server.on('request', (_request, response: ServerResponse) => {
    replies.add(response)
    response.once('close', () => {
      replies.delete(response)
      if (phase === 'closed') closeIdle()
    })
  })

  // Node takes a connection for idle once its last reply is written, however much of that its reader has still to take.
  const closeIdleConnections = app.server.closeIdleConnections.bind(app.server)
  app.server.closeIdleConnections = () => {
    if (![...replies].some(({ writableEnded, writableFinished }) => writableEnded && !writableFinished)) closeIdleConnections()
  }

  app.decorate('lifecycle', {
    get phase () { return phase },
    get inFlight () { return inFlight.size },
    get cut () { return cut },
    async idle () { if (inFlight.size > 0) await once(ends, 'idle') }
  })

  app.addHook('onRequest', async request => {
    inFlight.add(request)
    request.exchange.onOver(() => {
      inFlight.delete(request)
      if (inFlight.size === 0) ends.emit('idle')
    })
    if (phase === 'closed') throw new GatewayError('draining')
  })

  /** Lets a kept-alive connection end with its last answer instead of holding the process for its keep-alive time. */
  function closeIdle (): void {
    if (replies.size === 0) app.server.closeAllConnections()
    else app.server.closeIdleConnections()
  }

  function cutAnswers (): void {
    for (const { exchange } of inFlight) {
      cut++
      exchange.abort(new GatewayError('draining'))
    }
    // Readers that are still connected here do not even take the end of their answer.
    deadline = setTimeout(() => {
      for (const { exchange } of inFlight) exchange.disconnect(new GatewayError('draining'))
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
    // Fastify closes the listener after this hook, and idle connections with it.
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
}, { name: 'drain', dependencies: ['config', 'errors', 'exchange'] })
