/** The statuses that mean a missing endpoint, if the body says nothing of its own. */
const NO_ENDPOINT = new Set([404, 405, 501])

/** The words of which web frameworks and API gateways make their messages for a missing endpoint. Another word is about the question. */
const USUAL = new Set(`
  a allow allowed an and api are at available be can cannot check code could delete did do does endpoint entered err error exception exist exists
  fail failed false find for found get handler has have head http if implemented in invalid is it manually mapping match matched matches
  message method methods missing no none not null of on options page patch path please post put request requested resource route routes s
  server spelling static status stream streaming streams success support supported t that the there this those to true try again type unknown
  unrecognized unsupported uri url values was were with you your
`.trim().split(/\s+/))

/** JSON fields that repeat the request or describe the reply, and have no message. */
const BESIDE = /^(path|url|uri|instance|method|time|timestamp|date|host|server|version|stack|trace|((request|trace|span|correlation|error)[_-]?)?id|documentation_url|docs?|help|links?)$/i

/** Words on a web page that make it one about the question. Pages of web servers say too much else to be recognized word by word. */
const ABOUT_A_QUESTION = /\b(model|deployment|engine|session|conversation|thread|prompt|message|account|user|token|quota|project|organi[sz]ation)s?\b/i

/**
 * True when an error reply means that the endpoint does not exist, and not that something is wrong with this one question: its body
 * says nothing, or only what web frameworks say of a path or method that they do not know. `text` is the beginning of the body,
 * `path` the path that was requested.
 */
export function isNoEndpoint (status: number, text: string, path: string): boolean {
  if (!NO_ENDPOINT.has(status)) return false
  const body = text.trim()
  if (body.startsWith('<')) return !ABOUT_A_QUESTION.test(body.replace(/<(head|style|script)\b.*?<\/\1>|<[^>]*>/gis, ' '))
  try {
    return wordsIn(JSON.parse(body || '""')).every(words => isUsual(words, path))
  } catch {
    // The beginning of a JSON text may leave out the message.
    return !/^[{["]/.test(body) && isUsual(body, path)
  }
}

/** True when a message consists of usual words, numbers and the path. `NotFound` and `not_found` are two words. */
function isUsual (message: string, path: string): boolean {
  const own = message.split(/\s+/).filter(part => !part.includes(path.slice(1))).join(' ')
  const words = own.replace(/(\p{Ll})(\p{Lu})/gu, '$1 $2').toLowerCase().match(/\p{L}+/gu) ?? []
  // What is neither words nor punctuation is text in another encoding, or somebody's own.
  return words.every(word => USUAL.has(word)) && !/[^\p{L}\p{N}\p{P}\s=<>+|~^$`]/u.test(own)
}

/** The messages in a JSON value. Addresses, such as the type of a problem (RFC 9457), are none. */
function wordsIn (value: unknown): string[] {
  if (typeof value === 'string') return /^(https?:\/\/|about:)\S+$/.test(value) ? [] : [value]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, words]) => BESIDE.test(name) ? [] : wordsIn(words))
}
