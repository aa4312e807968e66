import type { Attachment } from './draft.ts'
import { tabStorage } from './storage.ts'

const NAME = 'copilot-stream-gateway:draft'

/** Stores the draft until the tab is closed. */
export function keepDraft (text: string, attachments: readonly Attachment[]): void {
  try {
    if (text || attachments.length > 0) tabStorage()?.setItem(NAME, JSON.stringify({ text, attachments }))
    else tabStorage()?.removeItem(NAME)
  } catch {
    // Without storage the draft lasts until the page is closed.
  }
}

/** The stored draft, after a reload. */
export function keptDraft (): { text: string, attachments: readonly Attachment[] } {
  try {
    const { text, attachments }: { text?: unknown, attachments?: unknown } = JSON.parse(tabStorage()?.getItem(NAME) ?? '{}')
    return { text: typeof text === 'string' ? text : '', attachments: Array.isArray(attachments) ? attachments.filter(isAttachment) : [] }
  } catch {
    // A stored draft that cannot be read is ignored.
    return { text: '', attachments: [] }
  }
}

function isAttachment (value: unknown): value is Attachment {
  return typeof value === 'object' && value !== null && 'name' in value && typeof value.name === 'string' && 'text' in value && typeof value.text === 'string'
}
