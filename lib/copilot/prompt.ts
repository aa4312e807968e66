import type { ChatRequest } from '../chat-request.ts'

/** What a Copilot service is asked: the JSON body of its `POST /chat/stream` and `POST /chat`. */
export interface CopilotPrompt {
  readonly prompt: string
  readonly mode: string
  readonly model?: string
}

/** What a chat request asks for, in whatever words it came. */
export interface Question extends ChatRequest {
  /** What the model is to follow, whatever is said in the conversation. */
  readonly instructions?: string
}

const INSTRUCTION = 'Continue the conversation below and answer the latest user message.'

/**
 * Turns a chat request into what the Copilot service understands, which is one prompt and no history. Earlier turns are
 * folded into it as labelled paragraphs; without `messages` the prompt goes through untouched.
 */
export function toCopilotPrompt (request: Question): CopilotPrompt {
  const { mode, model } = request
  return { prompt: fold(request), mode, ...(model !== undefined && { model }) }
}

function fold ({ prompt, sessionId, messages = [], instructions }: Question): string {
  const first = instructions === undefined ? [] : [instructions]
  if (messages.length === 0) return [...first, prompt].join('\n\n')

  const last = messages.at(-1)
  // Clients keep the history with the new prompt already in it: said twice, the model answers it twice.
  const earlier = last?.role === 'user' && last.content.trim() === prompt ? messages.slice(0, -1) : messages

  return [
    ...first,
    ...(sessionId === undefined ? [] : [`Session ID: ${sessionId}`]),
    INSTRUCTION,
    ...earlier.map(({ role, content }) => `${role === 'user' ? 'User' : 'Assistant'}: ${content}`),
    `User (latest): ${prompt}`
  ].join('\n\n')
}
