import { errorRows } from '../errors.ts'

const string = { type: 'string' } as const
const count = { type: 'integer', minimum: 0 } as const

/** An object with some properties that are always there, and some that may be. */
export function object (required: Readonly<Record<string, object>>, optional: Readonly<Record<string, object>> = {}, description?: string) {
  return { type: 'object', ...(description !== undefined && { description }), required: Object.keys(required), properties: { ...required, ...optional } }
}

/** What may be said of an answer's cost. */
export const usage = object({}, { inputTokens: count, outputTokens: count, reasoningTokens: count, cachedInputTokens: count }, 'In tokens; numbers that nobody reported are left out.')

/** Why the model stopped. */
export const finishReason = { type: 'string', nullable: true, enum: ['stop', 'length', 'content_filter', null], description: 'Null when the service does not say.' }

const bytes = { ...count, description: 'UTF-8 bytes of the text so far.' }
const text = object({ text: { ...string, description: 'Whole characters only.' } })

/** The data of each event of `text/event-stream`, by its name. */
export const eventData = {
  start: object({ requestId: string, delivery: { type: 'string', enum: ['stream', 'buffered'] } }, { streamId: string, model: string }, 'What the stream is of.'),
  delta: { ...text, description: 'A piece of the text. The id of the event is where the answer stands behind it.' },
  reasoning: { ...text, description: 'A piece of what the model thought on the way.' },
  tool: object({ id: string, name: string, state: { type: 'string', enum: ['running', 'done', 'failed'] } }, { input: { description: 'Any JSON value.' }, output: string }, 'A tool that the model uses: told when it begins, and again when it is over.'),
  done: object(
    { reason: { type: 'string', enum: ['complete', 'length', 'filtered', 'stopped'] }, finishReason, bytes, sha256: { type: 'string', pattern: '^[0-9a-f]{64}$', description: 'Of the text.' } },
    { usage, model: string },
    'The last event of an answer that did not fail. Only `complete` is a whole one.'
  ),
  error: object(
    { errorType: { ...string, description: `A kind of the table: ${[...new Set(errorRows().map(({ errorType }) => errorType))].join(', ')}; or the service's own.` }, status: { type: 'integer' }, message: string, retryable: { type: 'boolean' }, bytes },
    {},
    'The last event of an answer that failed.'
  ),
  reconnect: object({ after: bytes }, {}, 'The last event of this reading: the gateway shuts down or has lost its store, and a resumable answer is to be asked for again from the last id on.')
} as const
