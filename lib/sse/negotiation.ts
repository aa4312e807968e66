import type { IncomingHttpHeaders } from 'node:http'
import Negotiator from 'negotiator'

/** A parameter of a media range other than its quality (RFC 9110 §12.5.1): a charset, or a version. */
const PARAMETER = /;\s*(?!q\s*=)[^\s;,="]+\s*(?:=\s*(?:"(?:[^"\\]|\\.)*"|[^;,"]*))?/gi

/** The media type in a list that a request prefers; undefined when it accepts none of them. Among equals the first wins. */
export function preferred <Type extends string> ({ accept }: IncomingHttpHeaders, types: readonly Type[]): Type | undefined {
  // The common cases: no preference, or no header.
  if (accept === undefined || accept === '*/*') return types[0]
  // None of the types has parameters, so a range with parameters matches the type without them.
  const [best] = new Negotiator({ headers: { accept: accept.replace(PARAMETER, '') } }).mediaTypes([...types])
  return types.find(type => type === best)
}

/** True when a request prefers events to text. Plain text is the default, and the answer to a wildcard. */
export function acceptsEvents (headers: IncomingHttpHeaders): boolean {
  return preferred(headers, ['text/plain', 'text/event-stream']) === 'text/event-stream'
}
