import { createHash } from 'node:crypto'
import type { ChatRequest, Effort, Message } from '../chat-request.ts'

/** A question with its conversation: what `POST /api/chat` takes, and what other ways of asking have besides. */
export interface Question extends Pick<ChatRequest, 'prompt' | 'mode' | 'model' | 'effort' | 'sessionId' | 'messages'> {
  /** What the model is told about its part before anybody has said anything. */
  readonly instructions?: string
}

/** The conversation as separate turns, for a service that supports them. */
export interface Conversation {
  /** Names the conversation: a digest of who asks and of their `sessionId`, so that nobody can name another's. */
  readonly id?: string
  readonly instructions?: string
  /** The earlier turns, oldest first. */
  readonly messages: readonly Message[]
  readonly prompt: string
}

/** The JSON body of `POST /chat/stream` and `POST /chat` of a Copilot service. */
export interface CopilotPrompt {
  /** The whole conversation in one text, for a service that reads nothing else. */
  readonly prompt: string
  readonly mode: string
  readonly model?: string
  readonly effort?: Effort
  readonly conversation: Conversation
}

const CONTINUE = 'Continue the conversation below and answer the latest user message.'

/**
 * Turns a question of `caller` (a name that no other caller has) into what the Copilot service understands. Earlier turns
 * are folded into the prompt as labelled paragraphs; without any, and without instructions, it goes through untouched.
 * Empty turns are left out. Halves of characters become U+FFFD: a service that reads UTF-8 would refuse them, and again
 * with every later question of the conversation.
 */
export function toCopilotPrompt (question: Question, caller: string): CopilotPrompt {
  const { mode, model, effort, sessionId } = question
  const prompt = question.prompt.toWellFormed()
  const instructions = question.instructions?.trim().toWellFormed()
  const turns = (question.messages ?? []).filter(({ content }) => content.trim() !== '')
  const messages = earlier(turns, question.prompt)
  return {
    prompt: [instructions ?? '', turns.length === 0 ? prompt : fold(prompt, messages, sessionId?.toWellFormed())].filter(Boolean).join('\n\n'),
    mode,
    ...(model !== undefined && { model: model.toWellFormed() }),
    ...(effort !== undefined && { effort }),
    conversation: {
      ...(sessionId !== undefined && { id: digest(caller, sessionId) }),
      ...(instructions && { instructions }),
      messages,
      prompt
    }
  }
}

/** The turns before the prompt. Clients keep the history with the new prompt already in it: said twice, the model answers it twice. */
function earlier (turns: readonly Message[], prompt: string): Message[] {
  const last = turns.at(-1)
  const messages = last?.role === 'user' && last.content.trim() === prompt ? turns.slice(0, -1) : turns
  return messages.map(({ role, content }) => ({ role, content: content.toWellFormed() }))
}

function fold (prompt: string, messages: readonly Message[], sessionId: string | undefined): string {
  return [
    ...(sessionId === undefined ? [] : [`Session ID: ${sessionId}`]),
    CONTINUE,
    ...messages.map(({ role, content }) => `${role === 'user' ? 'User' : 'Assistant'}: ${content}`),
    `User (latest): ${prompt}`
  ].join('\n\n')
}

function digest (caller: string, sessionId: string): string {
  return createHash('sha256').update(JSON.stringify([caller, sessionId])).digest('hex')
}
