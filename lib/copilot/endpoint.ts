import { STATUS_CODES } from 'node:http'

/** The statuses that mean a missing endpoint, if the body has no other message. */
const NO_ENDPOINT = new Set([404, 405, 501])

/** The JSON fields in which frameworks and services put error messages. */
const WORDS = ['error', 'errorType', 'message', 'detail', 'title', 'code', 'type', 'reason']

/**
 * True when an error reply means that the endpoint does not exist, and not that the question is wrong: its body has no message
 * other than the usual ones of web frameworks. `text` is the beginning of the body.
 */
export function isNoEndpoint (status: number, text: string, path: string): boolean {
  if (!NO_ENDPOINT.has(status)) return false
  return wordsOf(text).every(word => says(word, String(STATUS_CODES[status])) || word.includes(path))
}

/** True when the words are the reason phrase of a status in any spelling: `Not found.`, `not_found`, `Error: Not Found`. */
function says (word: string, phrase: string): boolean {
  const plain = (text: string) => text.toLowerCase().replace(/^error\b|\b\d{3}\b|[\s\p{P}]/gu, '')
  return plain(word) === '' || plain(word) === plain(phrase)
}

/** The messages in a body: the fields of a JSON object, or plain text. An HTML page has none. */
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
