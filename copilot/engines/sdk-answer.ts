import type { CopilotClient, CopilotSession, PermissionRequestResult, SessionConfig, SessionEvent } from '@github/copilot-sdk'
import { ReadableStream, type ReadableStreamDefaultController } from 'node:stream/web'
import { CopilotError } from '../errors.ts'
import { modelCallMessage, type SdkFailure } from './sdk-errors.ts'
import type { Runtime } from './sdk-runtime.ts'

/** What one answer needs. */
export interface AnswerOptions {
  session: SessionConfig
  prompt: string
  /** The caller has left. */
  signal: AbortSignal
  toError: (failure: SdkFailure) => CopilotError
}

/** Says no to everything: the second lock behind the empty list of tools. */
export function denyEverything (): PermissionRequestResult {
  return { kind: 'reject', feedback: 'Tools are not available here.' }
}

/**
 * Asks in a session of its own and gives the answer's text, piece by piece. The session, with all it wrote to disk, is gone
 * when the answer ends, however it ends.
 *
 * @throws CopilotError when the answer fails
 */
export async function * answerInSession ({ client, lost }: Runtime, options: AnswerOptions): AsyncGenerator<string, void, undefined> {
  const { signal, toError } = options
  const session = await orLost(client.createSession(options.session), lost).catch((error: Error) => {
    throw toError(error)
  })
  const text = textOf(session, options, lost)

  let ended = false
  const end = () => {
    if (ended) return
    ended = true
    signal.removeEventListener('abort', end)
    text.stop()
    dispose(client, session).catch(ignore)
  }
  // Not left to `finally`: a generator whose reader has stalled stands still at its `yield` and would never get there.
  signal.addEventListener('abort', end)
  try {
    if (signal.aborted) return
    session.send({ prompt: options.prompt }).catch((error: Error) => text.fail(toError(error)))
    // The stream is closed by `end`, and a stream that was cancelled cannot be closed.
    yield * text.stream.values({ preventCancel: true })
  } finally {
    end()
  }
}

/** The text of the session's answer as a stream that ends, or fails, with the answer. */
function textOf (session: CopilotSession, { toError }: AnswerOptions, lost: AbortSignal) {
  let begun = false
  const streamed = new Set<string>()
  let open = true
  let controller!: ReadableStreamDefaultController<string>
  const stream = new ReadableStream<string>({ start: it => { controller = it } })

  const settle = (how: () => void) => {
    if (!open) return
    open = false
    unsubscribe()
    lost.removeEventListener('abort', onLost)
    how()
  }
  const stop = () => settle(() => controller.close())
  const fail = (error: CopilotError) => settle(() => controller.error(error))
  const onLost = () => fail(toError({ message: runtimeLost }))

  const give = (messageId: string, content: string) => {
    // A second message in one answer: the model went on after something it could not do.
    if (begun && !streamed.has(messageId)) controller.enqueue('\n\n')
    streamed.add(messageId)
    begun = true
    controller.enqueue(content)
  }

  const unsubscribe = session.on((event: SessionEvent) => {
    switch (event.type) {
      case 'assistant.message_delta':
        if (event.data.deltaContent) give(event.data.messageId, event.data.deltaContent)
        break
      case 'assistant.message':
        // A model that does not stream sends its text here and only here.
        if (event.data.content && !streamed.has(event.data.messageId)) give(event.data.messageId, event.data.content)
        break
      case 'model.call_failure': {
        const { statusCode, errorMessage } = event.data
        if (begun || willBeRetried(statusCode)) fail(toError({ statusCode, message: modelCallMessage(errorMessage) }))
        break
      }
      case 'session.error':
        fail(toError(event.data))
        break
      case 'session.idle':
        stop()
    }
  })
  lost.addEventListener('abort', onLost)
  return { stream, stop, fail }
}

const runtimeLost = 'The GitHub Copilot runtime ended unexpectedly'

/**
 * Whether the runtime would silently ask the model again after this failure. It must not: it honours a `Retry-After` of
 * minutes while the caller hears nothing, and after the first byte it would write the answer again from its beginning. Only a
 * refused credential (401) is left to it, because it may hold one that just ran out and can be renewed.
 */
function willBeRetried (statusCode: number | undefined): boolean {
  return statusCode === undefined || statusCode === 429 || statusCode >= 500
}

/** Stops the model request, ends the session, and removes what it wrote to disk. */
async function dispose (client: CopilotClient, session: CopilotSession): Promise<void> {
  // None of them matters to the caller any more, and a runtime that died has nothing left to give back.
  await session.abort().catch(ignore)
  await session.disconnect().catch(ignore)
  await client.deleteSession(session.sessionId).catch(ignore)
}

function ignore (): void {}

/** The SDK leaves a request unanswered for ever when its runtime dies: this one rejects. */
async function orLost<T> (work: Promise<T>, lost: AbortSignal): Promise<T> {
  return await new Promise((resolve, reject) => {
    const onLost = () => reject(new Error(runtimeLost))
    lost.addEventListener('abort', onLost)
    work.then(resolve, reject).finally(() => lost.removeEventListener('abort', onLost))
  })
}
