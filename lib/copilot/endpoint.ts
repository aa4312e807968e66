import { STATUS_CODES } from 'node:http'

/** The statuses by which a service says that it has no such endpoint, when it says nothing else. */
const NO_ENDPOINT = new Set([404, 405, 501])

/** The fields in which frameworks and services put their words. */
const WORDS = ['error', 'errorType', 'message', 'detail', 'title', 'code', 'type', 'reason']

/**
 * True when an error reply says that there is no such endpoint, and not that something is wrong with the question: it has
 * no words of its own, but for those that web frameworks put there. `text` is the beginning of its body.
 */
export function isNoEndpoint (status: number, text: string, path: string): boolean {
  if (!NO_ENDPOINT.has(status)) return false
  return wordsOf(text).every(word => says(word, String(STATUS_CODES[status])) || word.includes(path))
}

/** True when the words are a status's own, whatever their spelling: `Not found.`, `not_found`, `Error: Not Found`. */
function says (word: string, phrase: string): boolean {
  const plain = (text: string) => text.toLowerCase().replace(/^error\b|\b\d{3}\b|[\s\p{P}]/gu, '')
  return plain(word) === '' || plain(word) === plain(phrase)
}

/** What a body says: in the fields of a JSON object, or as plain text. A page says nothing. */
function wordsOf (text: string): string[] {
  try {
    return wordsIn(JSON.parse(text))
  } catch {
    return text.trimStart().startsWith('<') ? [] : [text]
  }
}

function wordsIn (value: unknown): string[] {
  if (typeof value === 'string') return [value]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, words]) => WORDS.includes(name) ? wordsIn(words) : [])
}
