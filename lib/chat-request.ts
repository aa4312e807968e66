import Type, { type Static } from 'typebox'

/** The most characters (Unicode code points) that a prompt may have. */
export const MAX_TEXT = 20_000

/** The most characters that the name of a conversation may have. */
export const MAX_SESSION_ID = 200

/** The roles of the turns of a conversation. Some protocols have roles for instructions besides. */
export const ROLES = ['user', 'assistant'] as const

/** How much reasoning a model may do before it answers, for models that support the choice. */
export const EFFORTS = ['low', 'medium', 'high'] as const

/** One earlier turn of the conversation. It may be longer than a prompt, since answers are longer. Only the size of the body limits it. */
export const Message = Type.Object({
  role: Type.Enum([...ROLES]),
  content: Type.String()
})

/** One earlier turn of the conversation. */
export type Message = Static<typeof Message>

/** The most files that may be attached to a question. */
const MAX_FILES = 20

/** A text file that is attached to a question. Only the size of the body limits it. */
export const AttachedFile = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 200, trim: true, description: 'What the model is to call it.' }),
  content: Type.String({ description: 'Its text.' })
})

/** A text file that is attached to a question. */
export type AttachedFile = Static<typeof AttachedFile>

/** One of {@link EFFORTS}. */
export type Effort = typeof EFFORTS[number]

/** Parameters that tune a model, with the names and units of OpenAI's API. */
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

/** The schema of the body of `POST /api/chat`, for validation and documentation. `trim` and `bounded` are keywords of plugins/validation.ts. */
export const ChatRequest = Type.Object({
  prompt: Type.String({ minLength: 1, maxLength: MAX_TEXT, trim: true, description: 'What to ask.' }),
  mode: Type.Enum(['explain-only', 'project-helper'], { default: 'explain-only', description: 'What Copilot may do.' }),
  model: Type.Optional(Type.String({ minLength: 1, maxLength: 120, trim: true, description: 'Which model answers; the service chooses when absent.' })),
  sessionId: Type.Optional(Type.String({ minLength: 1, maxLength: MAX_SESSION_ID, trim: true, description: 'Names the conversation to the model.' })),
  messages: Type.Optional(Type.Array(Message, { bounded: true, description: 'The conversation so far, oldest first; empty turns are left out.' })),
  files: Type.Optional(Type.Array(AttachedFile, { maxItems: MAX_FILES, description: 'Text files that the question is about.' })),
  effort: Type.Optional(Type.Enum([...EFFORTS], { description: 'How much the model is to think, where it knows such a thing.' })),
  resumable: Type.Optional(Type.Boolean({ description: 'Whether the answer survives a lost connection.' }))
})

/** A validated body of `POST /api/chat`: strings trimmed, defaults filled in. */
export type ChatRequest = Static<typeof ChatRequest>

/** The parameters of `GET /api/chat/:streamId`. `Last-Event-ID` has precedence over `offset`. */
export const ResumeRequest = {
  params: Type.Object({ streamId: Type.String() }),
  querystring: Type.Object({ offset: Type.String({ pattern: '^\\d{1,15}$', default: '0', description: 'Where to begin, in bytes of the text.' }) }),
  headers: Type.Object({ 'last-event-id': Type.Optional(Type.String({ description: 'The id of the last event that was read: `40`, `40.17`, `40.17.end`.' })) })
}
