import { createHash } from 'node:crypto'
import type { AttachedFile, ChatRequest, Effort, Message, Tuning } from '../chat-request.ts'

/** A question with its conversation: the fields of `POST /api/chat`, and those that only other protocols have. */
export interface Question extends Pick<ChatRequest, 'prompt' | 'mode' | 'model' | 'effort' | 'sessionId' | 'messages' | 'files'> {
  /** The system prompt. */
  readonly instructions?: string
  /** Sampling parameters and the like, which a service may ignore. */
  readonly tuning?: Tuning
}

/** The conversation as separate turns, for a service that supports them. */
export interface Conversation {
  /** Identifies the conversation. It is a digest of the caller and the `sessionId`, so that no caller can name another's conversation. */
  readonly id?: string
  readonly instructions?: string
  /** The earlier turns, oldest first. */
  readonly messages: readonly Message[]
  readonly prompt: string
  /** Text files that the prompt is about; the folded prompt has them before the question, as {@link withFiles} says. */
  readonly files?: readonly AttachedFile[]
}

/** The JSON body of `POST /chat/stream` and `POST /chat` of a Copilot service. */
export interface CopilotPrompt {
  /** The whole conversation as one text, for a service that reads no other field. */
  readonly prompt: string
  readonly mode: string
  readonly model?: string
  readonly effort?: Effort
  /** Absent when there is nothing to tune. */
  readonly tuning?: Tuning
  readonly conversation: Conversation
}

const CONTINUE = 'Continue the conversation below and answer the latest user message.'

/**
 * Turns a question of `caller` (a name that no other caller has) into the body for the Copilot service. Earlier turns are folded into
 * the prompt as labelled paragraphs; without earlier turns and instructions, the prompt is not changed. Empty turns are left out. Lone
 * surrogates become U+FFFD: a service that reads UTF-8 would refuse them, and again with every later question of the conversation.
 */
export function toCopilotPrompt (question: Question, caller: string): CopilotPrompt {
  const { mode, model, effort, sessionId, tuning = {} } = question
  const prompt = question.prompt.toWellFormed()
  const instructions = question.instructions?.trim().toWellFormed()
  const turns = (question.messages ?? []).filter(({ content }) => content.trim() !== '')
  const messages = earlier(turns, question.prompt)
  const files = question.files?.map(({ name, content }) => ({ name: name.toWellFormed(), content: content.toWellFormed() }))
  const asked = withFiles(prompt, files)
  return {
    prompt: [instructions ?? '', turns.length === 0 ? asked : fold(asked, messages, sessionId?.toWellFormed())].filter(Boolean).join('\n\n'),
    mode,
    ...(model !== undefined && { model: model.toWellFormed() }),
    ...(effort !== undefined && { effort }),
    ...(Object.keys(tuning).length > 0 && { tuning }),
    conversation: {
      ...(sessionId !== undefined && { id: digest(caller, sessionId) }),
      ...(instructions && { instructions }),
      messages,
      prompt,
      ...(files && files.length > 0 && { files })
    }
  }
}

/** Puts the attached files before the prompt. Each has its name and a code fence that is longer than any in the file, so that the file cannot close it (CommonMark §4.5). */
export function withFiles (prompt: string, files: readonly AttachedFile[] = []): string {
  return [...files.map(({ name, content }) => {
    const longest = Math.max(2, ...Array.from(content.matchAll(/`+/g), ([run]) => run.length))
    const fence = '`'.repeat(longest + 1)
    // Line breaks in a name could pass for a part of the prompt.
    return `File ${name.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')}:\n${fence}\n${content}\n${fence}`
  }), prompt].join('\n\n')
}

/** Returns the turns before the prompt. Some clients send a history that already ends with the prompt; the model would answer a repeated one twice. */
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
