import type { ChatRequest } from '../chat-request.ts'

/** What a Copilot service is asked: the JSON body of its `POST /chat/stream` and `POST /chat`. */
export interface CopilotPrompt {
  readonly prompt: string
  readonly mode: string
  readonly model?: string
}

const INSTRUCTION = 'Continue the conversation below and answer the latest user message.'

/**
 * Turns a chat request into what the Copilot service understands, which is one prompt and no history. Earlier turns are
 * folded into it as labelled paragraphs; without `messages` the prompt goes through untouched.
 */
export function toCopilotPrompt (request: ChatRequest): CopilotPrompt {
  const { mode, model } = request
  return { prompt: fold(request), mode, ...(model !== undefined && { model }) }
}

function fold ({ prompt, sessionId, messages = [] }: ChatRequest): string {
  if (messages.length === 0) return prompt

  const last = messages.at(-1)
  // Clients keep the history with the new prompt already in it: said twice, the model answers it twice.
  const earlier = last?.role === 'user' && last.content.trim() === prompt ? messages.slice(0, -1) : messages

  return [
    ...(sessionId === undefined ? [] : [`Session ID: ${sessionId}`]),
    INSTRUCTION,
    ...earlier.map(({ role, content }) => `${role === 'user' ? 'User' : 'Assistant'}: ${content}`),
    `User (latest): ${prompt}`
  ].join('\n\n')
}
