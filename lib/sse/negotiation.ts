import type { IncomingHttpHeaders } from 'node:http'
import Negotiator from 'negotiator'

/** A parameter of a media range other than its quality (RFC 9110 §12.5.1): a charset, or a version. */
const PARAMETER = /;\s*(?!q\s*=)[^\s;,="]+\s*(?:=\s*(?:"(?:[^"\\]|\\.)*"|[^;,"]*))?/gi

/** The media type of a list that a request would rather have than the others; undefined when it takes none of them. Of equals it is the first. */
export function preferred <Type extends string> ({ accept }: IncomingHttpHeaders, types: readonly Type[]): Type | undefined {
  // What most clients send, and those who send nothing.
  if (accept === undefined || accept === '*/*') return types[0]
  // None of the types has parameters: a range that names some means the type as well.
  const [best] = new Negotiator({ headers: { accept: accept.replace(PARAMETER, '') } }).mediaTypes([...types])
  return types.find(type => type === best)
}

/** True when a request would rather have an answer as events than as text. Plain text is the default and what a wildcard gets. */
export function acceptsEvents (headers: IncomingHttpHeaders): boolean {
  return preferred(headers, ['text/plain', 'text/event-stream']) === 'text/event-stream'
}
