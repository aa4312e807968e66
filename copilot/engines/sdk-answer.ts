import type { CopilotClient, CopilotSession } from '@github/copilot-sdk'
import { setTimeout as delay } from 'node:timers/promises'
import type { Runtime } from './sdk-runtime.ts'
import type { Turn } from './sdk-turn.ts'

/** How long a session may take to become idle after its answer, in milliseconds; a slower session is not kept for the next turn. */
const REST = 2_000

/**
 * Sends the prompt in a session and feeds the session's events to the turn. Resolves when the turn is over and the session idle:
 * true when the session can serve the next turn. After an answer that is not whole it cannot, because it may remember text that
 * the caller never got.
 */
export async function answerInSession ({ turns, lost }: Runtime, session: CopilotSession, turn: Turn, prompt: string): Promise<boolean> {
  const { sessionId } = session
  const onLost = () => turn.fail({ message: RUNTIME_LOST })
  let rest!: () => void
  const resting = new Promise<boolean>(resolve => { rest = () => resolve(true) })
  const unsubscribe = session.on(event => {
    turn.handle(event)
    if (event.type === 'session.idle') rest()
  })
  turns.set(sessionId, turn)
  lost.addEventListener('abort', onLost)
  try {
    if (!turn.over.aborted) {
      session.send({ prompt }).catch((error: Error) => turn.fail(error))
      await turn.whenOver
    }
    return turn.isWhole && await Promise.race([resting, delay(REST, false, { ref: false })])
  } finally {
    unsubscribe()
    turns.delete(sessionId)
    lost.removeEventListener('abort', onLost)
  }
}

const RUNTIME_LOST = 'The GitHub Copilot runtime ended unexpectedly'

/** Stops the model request, ends the session, and removes what it wrote to disk. */
export async function endSession (client: CopilotClient, session: CopilotSession): Promise<void> {
  // Errors are ignored: the answer is over, and a runtime that died has nothing left to release.
  await session.abort().catch(ignore)
  await session.disconnect().catch(ignore)
  await client.deleteSession(session.sessionId).catch(ignore)
}

function ignore (): void {}

/** Rejects when the runtime dies while `work` is pending: the SDK itself would leave the promise pending for ever. */
export async function orLost<T> (work: Promise<T>, lost: AbortSignal): Promise<T> {
  return await new Promise((resolve, reject) => {
    const onLost = () => reject(new Error(RUNTIME_LOST))
    lost.addEventListener('abort', onLost)
    work.then(resolve, reject).finally(() => lost.removeEventListener('abort', onLost))
  })
}
