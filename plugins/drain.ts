import { EventEmitter, once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
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

/** How long readers have, once the drain is over, to take an error status or a last event. */
const LAST_WORDS_MS = 1_000

/** On close, lets the answers in flight end within `DRAIN_TIMEOUT_MS`, refuses what is new, and cuts what is left. */
export default fp(async function drain (app) {
  const { DRAIN_DELAY_MS, DRAIN_TIMEOUT_MS } = app.config
  const inFlight = new Set<FastifyRequest>()
  let phase: Phase = 'serving'
  let cut = 0
  const ends = new EventEmitter().setMaxListeners(0)
  /** Requests on the server's connections, those included that are not the gateway's but the application's that it is a part of. */
  let onServer = 0
  app.server.on('request', (_request, response: ServerResponse) => {
    onServer++
    response.once('close', () => {
      onServer--
      if (phase === 'closed') closeIdle()
    })
  })

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
    if (onServer === 0) app.server.closeAllConnections()
    else app.server.closeIdleConnections()
  }

  function cutAnswers (): void {
    for (const { exchange } of inFlight) {
      cut++
      exchange.abort(new GatewayError('draining'))
    }
    // Readers that are still connected here do not even take the end of their answer.
    deadline = setTimeout(() => {
      for (const { raw: { socket } } of inFlight) {
        if (socket instanceof Socket) socket.destroy()
      }
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
