/** A pasted or dropped text that is sent along with the question. */
export interface Attachment {
  readonly name: string
  readonly text: string
}

/** The longest prompt that the gateway accepts, in code points (docs/api.md). */
export const MAX_PROMPT = 20_000
/** The number of characters from which on a pasted text becomes an attachment. */
export const LONG_PASTE = 4_000

/** The prompt: a question with its attachments. */
export function fold (question: string, attachments: readonly Attachment[]): string {
  return [question.trim(), ...attachments.map(({ name, text }) => {
    const fence = '`'.repeat(Math.max(3, ...Array.from(text.matchAll(/`+/g), ([run]) => run.length + 1)))
    return `${name}:\n${fence}\n${text}\n${fence}`
  })].filter(Boolean).join('\n\n')
}

/** How many code points a text has. */
export function lengthOf (text: string): number {
  // A surrogate pair is one code point.
  return text.length - (text.match(/[\ud800-\udbff][\udc00-\udfff]/g)?.length ?? 0)
}

/** The first `count` code points of a text. */
export function firstOf (text: string, count: number): string {
  let end = 0
  for (const character of text) {
    if (count-- === 0) break
    end += character.length
  }
  return text.slice(0, end)
}
