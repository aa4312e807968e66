import type { CopilotClient, CopilotSession, PermissionRequestResult } from '@github/copilot-sdk'
import { setTimeout as delay } from 'node:timers/promises'
import type { Runtime } from './sdk-runtime.ts'
import type { Turn } from './sdk-turn.ts'

/** How long a session may take to come to rest behind its answer, in milliseconds, to be asked again. */
const REST = 2_000

/** Says no to everything: the second lock behind the empty list of tools. */
export function denyEverything (): PermissionRequestResult {
  return { kind: 'reject', feedback: 'Tools are not available here.' }
}

/**
 * Asks in a session, whose events become the turn. Resolves when the turn is over and the session rests, with whether
 * it can be asked again: only after a whole answer, because what else it remembers is not what the caller was told.
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
  // None of them matters to the caller any more, and a runtime that died has nothing left to give back.
  await session.abort().catch(ignore)
  await session.disconnect().catch(ignore)
  await client.deleteSession(session.sessionId).catch(ignore)
}

function ignore (): void {}

/** The SDK leaves a request unanswered for ever when its runtime dies: this one rejects. */
export async function orLost<T> (work: Promise<T>, lost: AbortSignal): Promise<T> {
  return await new Promise((resolve, reject) => {
    const onLost = () => reject(new Error(RUNTIME_LOST))
    lost.addEventListener('abort', onLost)
    work.then(resolve, reject).finally(() => lost.removeEventListener('abort', onLost))
  })
}
