import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Story } from '../lib/answer/story.ts'
import type { CopilotPrompt } from '../lib/copilot/prompt.ts'
import { GatewayError } from '../lib/errors.ts'
import { callerKey } from '../lib/limits/caller-key.ts'
import { type LiveAnswer, type LiveAnswerOptions, record, recordOnce } from '../lib/streams/live.ts'
import { MemoryStore } from '../lib/streams/memory/store.ts'
import type { From, IdempotencyKey, Reading, Recording, RecordingStore } from '../lib/streams/recording.ts'
import { RedisStore } from '../lib/streams/redis/store.ts'

/** Resumable answers: they go on when their readers leave. */
export interface ResumableAnswers {
  /**
   * Asks for an answer on behalf of a reply and records it; `chat` names the conversation that it is in. Takes a slot for it, and
   * rejects when there is none, or no room for another recording. Undefined, with a slot taken and nothing asked, when the store
   * cannot be reached: the answer can be given, and not be kept.
   */
  start (reply: FastifyReply, prompt: CopilotPrompt, chat?: string): Promise<Recording | undefined>
  /**
   * The same for a question with a key, which is asked once: whoever comes again with it gets the answer that there is, and the
   * reply says so. Rejects with a `GatewayError` `idempotency_mismatch` when the key is another question's.
   */
  startOnce (reply: FastifyReply, prompt: CopilotPrompt, key: IdempotencyKey, chat?: string): Promise<Recording>
  /** Reads one of the caller's own answers from a place on. */
  resume (request: FastifyRequest, id: string, from: From): Promise<Reading>
  /** Whether one of the caller's own answers is still being written. Rejects when there is none by this id. */
  writing (request: FastifyRequest, id: string): Promise<boolean>
  /** Stops one of the caller's own answers. */
  stop (request: FastifyRequest, id: string): Promise<void>
  /** Stops the caller's own answer to the question with this key, if there is one. */
  stopKeyed (request: FastifyRequest, key: string): Promise<void>
  /** The caller's latest answer in a conversation, if it is still being written. */
  running (request: FastifyRequest, chat: string): Promise<Recording | undefined>
}

declare module 'fastify' {
  interface FastifyInstance { readonly answers: ResumableAnswers }
}

/** How many bytes one resumable answer may have. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024

/** Records resumable answers while readers come and go, and lets only the caller who asked read or stop them. */
export default fp(async function resume (app) {
  const { config } = app
  const bounds = { ttl: config.RESUME_TTL_MS, maxBytes: config.RESUME_MAX_BYTES, maxRecordingBytes: MAX_ANSWER_BYTES }
  const store: RecordingStore = app.redis ? new RedisStore({ ...bounds, redis: app.redis }) : new MemoryStore(bounds)
  const live = new Set<LiveAnswer>()

  async function find (request: FastifyRequest, id: string) {
    const recording = await store.find(id, ownerOf(request))
    // One error for an unknown, a forgotten and another caller's answer, so that nobody learns which it is.
    if (!recording) throw new GatewayError('not_found')
    return recording
  }

  /** How an answer is asked for on behalf of a reply, once `admitted` has given the story to write. */
  function asking ({ request }: FastifyReply, prompt: CopilotPrompt, chat: string | undefined, admitted: () => Promise<Story>): LiveAnswerOptions {
    const call = request.upstreamCall
    return {
      owner: ownerOf(request),
      ...(chat !== undefined && { names: { chat: nameFor(request, chat) } }),
      grace: config.RESUME_GRACE_MS,
      maxDuration: config.STREAM_MAX_MS,
      ask: async signal => {
        const story = await admitted()
        const answer = await app.copilot.answer(prompt, { ...call, signal })
        story.began(answer)
        return answer
      },
      onDropped: () => request.log.warn(app.redis?.up === false ? 'resumable answer is kept no longer: Redis is lost' : 'resumable answer is kept no longer: there is no room for it')
    }
  }

  /** Follows an answer to its end, which is that of its story. One that was not admitted has none. */
  function follow (answer: LiveAnswer, storyOf: () => Story | undefined): void {
    live.add(answer)
    void answer.over.then(failure => {
      live.delete(answer)
      const story = storyOf()
      if (failure) story?.fail(failure)
      story?.settle()
    })
  }

  app.decorate('answers', {
    async start (reply, prompt, chat) {
      const { request: { exchange }, raw } = reply
      const slot = await app.slots.answer(reply)
      const story = exchange.startStory()
      const started = record(store, asking(reply, prompt, chat, async () => story))
      slot.holdUntil(started.then(({ over }) => over))
      const answer = await started.catch(unlessUnavailable)
      if (!answer) return undefined
      follow(answer, () => story)
      const { signal } = exchange
      signal.addEventListener('abort', () => {
        // Nobody can come back for an answer whose name is not known.
        if (!raw.headersSent && chat === undefined) answer.abort(signal.reason instanceof GatewayError ? signal.reason : new GatewayError('abandoned'))
      }, { once: true })
      return answer.recording
    },

    async startOnce (reply, prompt, { value, question }, chat) {
      const { request } = reply
      let story: Story | undefined
      // Claimed before there is a slot for it: whoever comes again needs none, and may have none left.
      const claim = await recordOnce(store, { value: nameFor(request, value), question }, asking(reply, prompt, chat, async () => {
        const slot = await app.slots.answer(reply)
        const own = story = request.exchange.startStory()
        slot.holdUntil(new Promise<void>(resolve => own.onOver(resolve)))
        return own
      }))
      switch (claim.outcome) {
        case 'mismatch': throw new GatewayError('idempotency_mismatch')
        case 'created':
          follow(claim.answer, () => story)
          return claim.answer.recording
        case 'found':
          await app.slots.reading(reply)
          request.exchange.markReplayed()
          reply.header('Idempotent-Replayed', 'true')
          return claim.recording
      }
    },

    async resume (request, id, from) {
      const recording = await find(request, id)
      return await recording.read(from, request.exchange.signal, app.protocolOf(request).name === 'text' ? 'bytes' : 'characters')
    },

    async writing (request, id) {
      return !await (await find(request, id)).isOver()
    },

    async stop (request, id) {
      await (await find(request, id)).stop()
    },

    async stopKeyed (request, key) {
      const recording = await store.findKeyed(nameFor(request, key), ownerOf(request))
      await recording?.stop()
    },

    async running (request, chat) {
      return await store.findRunning(nameFor(request, chat), ownerOf(request))
    }
  })

  // Whatever sheds load may stand below.
  app.addHook('onReady', async () => { app.heapReliefs.push(() => store.relieve()) })
  app.addHook('onClose', async () => {
    // Fastify waits for the answers of its first listener; for `localhost` it has two. What stands above closes after this.
    await app.lifecycle.idle()
    // Those who read it on at another gateway must not be sent back for what nobody writes any more.
    for (const answer of live) answer.abort(new GatewayError(app.redis ? 'producer_lost' : 'draining'))
    await Promise.all([...live].map(({ over }) => over))
    await store.close()
  })
}, { name: 'resume', dependencies: ['config', 'exchange', 'errors', 'drain', 'auth', 'slots', 'copilot', 'redis'] })

/** Lets the loss of the store be no failure of a question that does not need it. */
function unlessUnavailable (error: unknown): undefined {
  if (!(error instanceof GatewayError) || error.errorType !== 'store_unavailable') throw error
}

function ownerOf ({ caller }: FastifyRequest): string {
  return `${caller?.kind}:${caller?.id}`
}

/** A name that a caller has chosen, and others may choose as well: without authentication it is that of an address. */
function nameFor ({ caller, ip }: FastifyRequest, name: string): string {
  return JSON.stringify([callerKey(caller, ip), name])
}
