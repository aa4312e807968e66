import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { CopilotPrompt } from '../lib/copilot/prompt.ts'
import { GatewayError } from '../lib/errors.ts'
import { type LiveAnswer, record } from '../lib/streams/live.ts'
import { MemoryStore } from '../lib/streams/memory/store.ts'
import type { From, Reading } from '../lib/streams/recording.ts'

/** Answers that survive their readers. */
export interface ResumableAnswers {
  /**
   * Asks for an answer on behalf of a reply and records it; `reading` is from its beginning, `over` resolves when the recording is
   * finished. Rejects when there is no room for another.
   */
  start (reply: FastifyReply, prompt: CopilotPrompt): Promise<{ id: string, reading: Promise<Reading>, over: Promise<unknown> }>
  /** Reads one of the caller's own answers from a place on. */
  resume (request: FastifyRequest, id: string, from: From): Promise<Reading>
  /** Rejects as for an unknown answer unless there is one by this id, and it is the caller's own. */
  own (request: FastifyRequest, id: string): Promise<void>
  /** Stops one of the caller's own answers. */
  stop (request: FastifyRequest, id: string): Promise<void>
}

declare module 'fastify' {
  interface FastifyInstance { readonly answers: ResumableAnswers }
}

/** How many bytes one resumable answer may have. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024

/** Keeps resumable answers going while their readers come and go, and lets only their owners at them. */
export default fp(async function resume (app) {
  const { config } = app
  const store = new MemoryStore({ ttl: config.RESUME_TTL_MS, maxBytes: config.RESUME_MAX_BYTES, maxRecordingBytes: MAX_ANSWER_BYTES })
  const live = new Set<LiveAnswer>()

  async function find (request: FastifyRequest, id: string) {
    const recording = await store.find(id, ownerOf(request))
    // The same for an answer that never was, is forgotten, or is somebody else's: nobody learns which.
    if (!recording) throw new GatewayError('not_found')
    return recording
  }

  app.decorate('answers', {
    async start (reply, prompt) {
      const { request, raw } = reply
      const { headers } = request.upstreamCall
      const story = request.exchange.records()
      const answer = await record(store, {
        owner: ownerOf(request),
        grace: config.RESUME_GRACE_MS,
        maxDuration: config.STREAM_MAX_MS,
        ask: async signal => {
          const answer = await app.copilot.answer(prompt, { signal, headers })
          story.began(answer)
          return answer
        },
        onDropped: () => request.log.warn('resumable answer is kept no longer: there is no room for it')
      })
      live.add(answer)
      void answer.over.then(failure => {
        live.delete(answer)
        if (failure) story.fail(failure)
        story.settle()
      })
      const { signal } = request.exchange
      signal.addEventListener('abort', () => {
        // Nobody can come back for an answer whose name was never sent.
        if (!raw.headersSent) answer.abort(signal.reason instanceof GatewayError ? signal.reason : new GatewayError('abandoned'))
      }, { once: true })
      return { id: answer.recording.id, reading: answer.recording.read({ bytes: 0 }, signal), over: answer.over }
    },

    async resume (request, id, from) {
      const recording = await find(request, id)
      return await recording.read(from, request.exchange.signal, app.protocolOf(request).name === 'text' ? 'bytes' : 'characters')
    },

    async own (request, id) {
      await find(request, id)
    },

    async stop (request, id) {
      await (await find(request, id)).stop()
    }
  })

  // Whatever sheds load may stand below.
  app.addHook('onReady', async () => { app.heapReliefs.push(() => store.relieve()) })
  app.addHook('onClose', async () => {
    // Fastify waits for the answers of its first listener; for `localhost` it has two. What stands above closes after this.
    await app.lifecycle.idle()
    for (const answer of live) answer.abort(new GatewayError('draining'))
    await Promise.all([...live].map(({ over }) => over))
    await store.close()
  })
}, { name: 'resume', dependencies: ['config', 'exchange', 'errors', 'drain', 'auth', 'copilot'] })

function ownerOf ({ caller }: FastifyRequest): string {
  return `${caller?.kind}:${caller?.id}`
}
