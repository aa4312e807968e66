import type { Ending, Part } from '../../answer/answer.ts'
import { errorRows, GatewayError, ReportedError } from '../../errors.ts'
import { entryOf } from '../memory/tape.ts'
import type { Beginning } from '../recording.ts'

/** The letter that an entry of the journal begins with. */
const LETTERS = { beginning: 'b', text: 't', reasoning: 'r', tool: 'u', ending: 'e', failure: 'f' } as const

/** What an entry of the journal can be. */
export type Kind = keyof typeof LETTERS

const KINDS = new Map(Object.entries(LETTERS).map(([kind, letter]) => [letter.charCodeAt(0), kind]))

/** What an entry of the journal says. */
export type Entry =
  | { readonly kind: 'beginning', readonly beginning: Beginning }
  | { readonly kind: 'part', readonly part: Part }
  | { readonly kind: 'ending', readonly ending: Ending }
  | { readonly kind: 'failure', readonly failure: GatewayError | ReportedError }

/** An entry of the journal: its letter, and what it says. */
export function encode (kind: Kind, ...chunks: readonly Buffer[]): Buffer {
  return Buffer.concat([Buffer.from(LETTERS[kind]), ...chunks])
}

/** The content of a beginning, an ending or a failure. */
export function contentOf (value: Beginning | Ending | GatewayError | ReportedError): Buffer {
  return Buffer.from(JSON.stringify(value instanceof Error ? told(value) : value))
}

/** The kind and the content of a part. */
export { entryOf as partContentOf }

/** Reads an entry of the journal. Throws for one that is none. */
export function decode (entry: Buffer): Entry {
  const kind = KINDS.get(entry.readUInt8(0))
  const content = entry.subarray(1)
  switch (kind) {
    case 'text': case 'reasoning': return { kind: 'part', part: { type: kind, bytes: content } }
    case 'tool': return { kind: 'part', part: JSON.parse(content.toString()) }
    case 'beginning': return { kind, beginning: JSON.parse(content.toString()) }
    case 'ending': return { kind, ending: JSON.parse(content.toString()) }
    default: return { kind: 'failure', failure: failureOf(JSON.parse(content.toString())) }
  }
}

/** A failure as the journal has it. */
type Told = Pick<GatewayError, 'errorType' | 'message' | 'status' | 'headers' | 'issues' | 'source' | 'ending'> & { readonly reported: boolean }

function told (failure: GatewayError | ReportedError): Told {
  const { errorType, message, status, headers, source } = failure
  const { issues, ending } = failure instanceof GatewayError ? failure : {}
  return { reported: failure instanceof ReportedError, errorType, message, status, headers, ...(source && { source }), ...(issues && { issues }), ...(ending && { ending }) }
}

function failureOf ({ reported, errorType, message, source, ...options }: Told): GatewayError | ReportedError {
  const row = errorRows().find(row => row.errorType === errorType && message.startsWith(row.message))
  const failure = reported || !row
    ? new ReportedError(errorType, message)
    : new GatewayError(row.name, { ...options, ...(message !== row.message && { detail: message.slice(row.message.length + 2) }) })
  if (source) failure.source = source
  return failure
}
