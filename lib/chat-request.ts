import Type, { type Static } from 'typebox'

/** The most characters (Unicode code points) that a prompt may have. */
export const MAX_TEXT = 20_000

/** The most characters that the name of a conversation may have. */
export const MAX_SESSION_ID = 200

/** One earlier turn of the conversation. It may be longer than a prompt, since answers are; the body bounds it. */
export const Message = Type.Object({
  role: Type.Enum(['user', 'assistant']),
  content: Type.String()
})

/** One earlier turn of the conversation. */
export type Message = Static<typeof Message>

/** The most files that a question may have with it. */
const MAX_FILES = 20

/** A text file that belongs to a question. The body bounds its size. */
export const AttachedFile = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 200, trim: true, description: 'What the model is to call it.' }),
  content: Type.String({ description: 'Its text.' })
})

/** A text file that belongs to a question. */
export type AttachedFile = Static<typeof AttachedFile>

/** How much a model is to think, where it knows such a thing. */
export type Effort = 'low' | 'medium' | 'high'

/** What tunes a model, by the names and in the units of OpenAI's API. */
export interface Tuning {
  /** 0 to 2. */
  readonly temperature?: number
  /** 0 to 1. */
  readonly top_p?: number
  /** The most tokens of output, at least 1. */
  readonly max_tokens?: number
  /** At most four texts at which the model ends its answer. */
  readonly stop?: readonly string[]
  readonly seed?: number
}

/** The body of `POST /api/chat`: its validation, its type and its documentation. `trim` and `bounded` are keywords of plugins/validation.ts. */
export const ChatRequest = Type.Object({
  prompt: Type.String({ minLength: 1, maxLength: MAX_TEXT, trim: true, description: 'What to ask.' }),
  mode: Type.Enum(['explain-only', 'project-helper'], { default: 'explain-only', description: 'What Copilot may do.' }),
  model: Type.Optional(Type.String({ minLength: 1, maxLength: 120, trim: true, description: 'Which model answers; the service chooses when absent.' })),
  sessionId: Type.Optional(Type.String({ minLength: 1, maxLength: MAX_SESSION_ID, trim: true, description: 'Names the conversation to the model.' })),
  messages: Type.Optional(Type.Array(Message, { bounded: true, description: 'The conversation so far, oldest first; empty turns are left out.' })),
  files: Type.Optional(Type.Array(AttachedFile, { maxItems: MAX_FILES, description: 'Text files that the question is about.' })),
  effort: Type.Optional(Type.Enum(['low', 'medium', 'high'], { description: 'How much the model is to think, where it knows such a thing.' })),
  resumable: Type.Optional(Type.Boolean({ description: 'Whether the answer survives a lost connection.' }))
})

/** A validated body of `POST /api/chat`: strings trimmed, defaults filled in. */
export type ChatRequest = Static<typeof ChatRequest>

/** What `GET /api/chat/:streamId` takes: `Last-Event-ID` counts more than `offset`. */
export const ResumeRequest = {
  params: Type.Object({ streamId: Type.String() }),
  querystring: Type.Object({ offset: Type.String({ pattern: '^\\d{1,15}$', default: '0', description: 'Where to begin, in bytes of the text.' }) }),
  headers: Type.Object({ 'last-event-id': Type.Optional(Type.String({ description: 'The id of the last event that was read: `40`, `40.17`, `40.17.end`.' })) })
}
