import { type Chat, titleOf } from './library.ts'
import { branch, isTurn, type Turn } from './turns.ts'

/** The format of an exported conversation, with all versions of its turns. */
interface Exported {
  readonly format: 'copilot-stream-gateway/conversation'
  readonly version: 1
  readonly title: string
  readonly turns: readonly Turn[]
}

export function toJson ({ title }: Chat, turns: readonly Turn[]): string {
  const exported: Exported = { format: 'copilot-stream-gateway/conversation', version: 1, title, turns }
  return JSON.stringify(exported, null, 2)
}

/** The shown versions of a conversation as Markdown. */
export function toMarkdown ({ title, chosen }: Chat, turns: readonly Turn[]): string {
  const parts = branch(turns, chosen ?? {}).map(({ prompt, answer, state, failure }) =>
    `## Question\n\n${prompt}\n\n## Answer\n\n${answer}${state === 'done' ? '' : `\n\n*(${failure?.message ?? state})*`}\n`)
  return `# ${title}\n\n${parts.join('\n')}`
}

/** Reads a conversation from an exported file and gives it new ids. Throws an error whose message is a sentence on what is wrong with the file. */
export function fromJson (text: string): { chat: Chat, turns: Turn[] } {
  let value: Partial<Exported> | null
  try {
    value = JSON.parse(text)
  } catch {
    throw new Error('This file is no JSON. Export a conversation as JSON to have one that can be imported.')
  }
  const { format, turns } = value ?? {}
  if (format !== 'copilot-stream-gateway/conversation' || !Array.isArray(turns) || !turns.every(isTurn)) throw new Error('This file is no conversation that was exported here.')
  const chat: Chat = { id: newId(), title: (typeof value?.title === 'string' && value.title.slice(0, 200)) || titleOf(turns[0]?.prompt ?? 'Imported'), updated: Date.now() }
  const names = new Map(turns.map(({ id }) => [id, newId()]))
  return {
    chat,
    turns: turns.map(turn => ({
      ...turn,
      id: names.get(turn.id) ?? newId(),
      chat: chat.id,
      parent: turn.parent && names.get(turn.parent),
      // An imported answer is no longer in progress.
      state: turn.state === 'open' ? 'stopped' : turn.state,
      streamId: undefined
    }))
  }
}

/** A unique id. */
export function newId (): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12))
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('')
}

/** Makes the browser save a text as a file. */
export function save (text: string, name: string, type: string): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(new Blob([text], { type }))
  link.download = name
  link.click()
  URL.revokeObjectURL(link.href)
}
