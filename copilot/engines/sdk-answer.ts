import type { CopilotClient, CopilotSession, PermissionRequestResult, SessionConfig } from '@github/copilot-sdk'
import type { Runtime } from './sdk-runtime.ts'
import type { Turn } from './sdk-turn.ts'

/** Says no to everything: the second lock behind the empty list of tools. */
export function denyEverything (): PermissionRequestResult {
  return { kind: 'reject', feedback: 'Tools are not available here.' }
}

/**
 * Asks in a session of its own, whose events become the turn. The session, with all it wrote to disk, is gone when the turn
 * is over, however it ends. Rejects when it cannot be asked; the turn then is to be failed.
 */
export async function answerInSession ({ client, turns, lost }: Runtime, turn: Turn, config: SessionConfig, prompt: string): Promise<void> {
  const session = await orLost(client.createSession(config), lost)
  const { sessionId } = session
  const onLost = () => turn.fail({ message: RUNTIME_LOST })
  const unsubscribe = session.on(event => turn.tell(event))
  const dispose = () => {
    unsubscribe()
    lost.removeEventListener('abort', onLost)
    turns.delete(sessionId)
    void end(client, session)
  }

  if (turn.over.aborted) {
    dispose()
    return
  }
  turns.set(sessionId, turn)
  lost.addEventListener('abort', onLost)
  turn.over.addEventListener('abort', dispose)
  await session.send({ prompt })
}

const RUNTIME_LOST = 'The GitHub Copilot runtime ended unexpectedly'

/** Stops the model request, ends the session, and removes what it wrote to disk. */
async function end (client: CopilotClient, session: CopilotSession): Promise<void> {
  // None of them matters to the caller any more, and a runtime that died has nothing left to give back.
  await session.abort().catch(ignore)
  await session.disconnect().catch(ignore)
  await client.deleteSession(session.sessionId).catch(ignore)
}

function ignore (): void {}

/** The SDK leaves a request unanswered for ever when its runtime dies: this one rejects. */
async function orLost<T> (work: Promise<T>, lost: AbortSignal): Promise<T> {
  return await new Promise((resolve, reject) => {
    const onLost = () => reject(new Error(RUNTIME_LOST))
    lost.addEventListener('abort', onLost)
    work.then(resolve, reject).finally(() => lost.removeEventListener('abort', onLost))
  })
}
