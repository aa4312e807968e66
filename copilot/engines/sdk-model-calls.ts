import type { CopilotRequestContext, CopilotRequestHandler } from '@github/copilot-sdk'
import type { Turn } from './sdk-turn.ts'

/** Makes a request to a model; rejects when `signal` aborts. */
export type Send = (request: Request, signal: AbortSignal) => Promise<Response>

/** Sends every model call of the runtime from this process, so that calls that no turn wants can be refused; see {@link Turn.mayAsk}. */
export function modelCalls (Handler: typeof CopilotRequestHandler, turns: ReadonlyMap<string, Turn>, send: Send): CopilotRequestHandler {
  return new class extends Handler {
    protected override async sendRequest (request: Request, { sessionId, signal }: CopilotRequestContext): Promise<Response> {
      if (sessionId === undefined) return await send(request, signal)
      const turn = turns.get(sessionId)
      if (!turn || !await turn.mayAsk()) return Response.json({ error: { message: 'The answer has ended' } }, { status: 400 })
      const response = await send(request, AbortSignal.any([signal, turn.over]))
      turn.replied(/^text\/event-stream\b/i.test(String(response.headers.get('content-type'))))
      return response
    }
  }()
}
