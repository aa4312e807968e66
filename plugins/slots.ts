import { once } from 'node:events'
import type { FastifyReply } from 'fastify'
import fp from 'fastify-plugin'
import { callerKey } from '../lib/limits/caller-key.ts'
import { MemorySlots } from '../lib/limits/memory.ts'
import { RedisSlots } from '../lib/limits/redis.ts'
import type { Release, SlotLimits, Slots } from '../lib/limits/slots.ts'

/** A slot that a reply has taken. It is given back when the reply is closed, in whatever way, and what it is held for is over. */
export interface Slot {
  /** Holds the slot until a promise has settled, too. To be called before anything is waited for. */
  holdUntil (promise: Promise<unknown>): void
}

/** The limits of concurrent answers, and of concurrent readings of recorded ones. */
export interface AnswerSlots {
  /** How many answers are in flight. */
  readonly taken: number
  /** Takes a slot for the answer that a reply asks for. Rejects when there is none, and with the request's abort reason. */
  answer (reply: FastifyReply): Promise<Slot>
  /** The same, once it is the turn of the reply on its connection, for reading a recorded answer once more. Those are counted by themselves: whoever loses all readers can come back to all answers. */
  reading (reply: FastifyReply): Promise<Slot>
}

declare module 'fastify' {
  interface FastifyInstance { readonly slots: AnswerSlots }
}

/** Limits the answers in flight, in all and for each caller; with Redis, those of a caller on all gateways together. Slots are released here and nowhere else. */
export default fp(async function slots (app) {
  const limits = { max: app.config.MAX_STREAMS, maxPerCaller: app.config.MAX_STREAMS_PER_CALLER }
  const slotsFor = (name: string, limits: SlotLimits): Slots => app.redis ? new RedisSlots(app.redis, name, limits) : new MemorySlots(limits)
  const answers = slotsFor('answers', { ...limits, max: Math.min(limits.max, app.descriptorRoom.answers) })
  const readings = slotsFor('readings', limits)
  app.addHook('onClose', async () => {
    answers.close()
    readings.close()
  })

  app.decorate('slots', {
    get taken () { return answers.taken },
    answer: async reply => {
      await app.checkBudget(reply.request)
      return await take(answers, reply)
    },
    reading: async reply => {
      await turnOf(reply)
      return await take(readings, reply)
    }
  })
}, { name: 'slots', dependencies: ['config', 'redis', 'exchange', 'auth', 'connections', 'budget'] })

/**
 * Waits until a pipelined reply has its connection. Until then it could take nothing, and a recording that is kept no longer waits
 * for its slowest reader, which the reply before this one may be as well.
 */
async function turnOf ({ raw, request }: FastifyReply): Promise<void> {
  const { signal } = request.exchange
  if (!raw.socket) await once(raw, 'socket', { signal }).catch(() => { throw signal.reason })
}

async function take (slots: Slots, { request }: FastifyReply): Promise<Slot> {
  const { signal } = request.exchange
  signal.throwIfAborted()
  // Subscribed before the slot is acquired, since a client may leave meanwhile.
  const holds: Array<Promise<unknown>> = [new Promise<void>(resolve => request.exchange.onOver(resolve))]
  void giveBack(await slots.acquire(callerKey(request.caller, request.ip)), holds)
  signal.throwIfAborted()
  return { holdUntil: promise => { holds.push(promise.catch(() => {})) } }
}

async function giveBack (release: Release, holds: ReadonlyArray<Promise<unknown>>): Promise<void> {
  // Iterated while it grows: what the slot is held for is known later than the reply.
  for (const hold of holds) await hold
  release()
}
