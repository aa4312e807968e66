/** A text that was pasted or dropped, and is sent along with the question. */
export interface Attachment {
  readonly name: string
  readonly text: string
}

/** What the gateway takes as one question, in code points (docs/api.md). */
export const MAX_PROMPT = 20_000
/** A pasted text of this many characters is put beside the question instead of into it. */
export const LONG_PASTE = 4_000

/** A question with all that is sent along. */
export function fold (question: string, attachments: readonly Attachment[]): string {
  return [question.trim(), ...attachments.map(({ name, text }) => {
    const fence = '`'.repeat(Math.max(3, ...Array.from(text.matchAll(/`+/g), ([run]) => run.length + 1)))
    return `${name}:\n${fence}\n${text}\n${fence}`
  })].filter(Boolean).join('\n\n')
}

/** How many code points a text has. */
export function lengthOf (text: string): number {
  // A pair of surrogates is one.
  return text.length - (text.match(/[\ud800-\udbff][\udc00-\udfff]/g)?.length ?? 0)
}

/** The first so many code points of a text. */
export function firstOf (text: string, count: number): string {
  let end = 0
  for (const character of text) {
    if (count-- === 0) break
    end += character.length
  }
  return text.slice(0, end)
}
