import { readFile } from 'node:fs/promises'

/** What is seen of a fault, in words: a status and how the body ended, or the errorType of a refusal. */
export interface Expected {
  /** What a reader of plain text sees: `200 whole`, `200 cut`, `503 connection`, or `nothing`. */
  readonly text: string
  /** What a reader of events sees, by the last of them: `200 done`, `200 error idle_timeout`, `200 cut`, … */
  readonly events: string
  /** The paths that the upstream was asked, and what became of the last connection: `/chat/stream + /chat, kept`. */
  readonly upstream: string
  /** `ended` and `errorType` of the line that the log has of the request. */
  readonly log: string
  /** What is different for a resumable answer; `recording` is how its recording ended, by default as the request. */
  readonly resumable?: Partial<Record<'text' | 'events' | 'upstream' | 'log' | 'recording', string>>
}

/** The published table, next to the code of the gateway. */
export const TABLE = new URL('../../docs/faults.md', import.meta.url)

/** The rows of the published table, by name. */
export async function publishedRows (): Promise<Map<string, string>> {
  const rows = (await readFile(TABLE, 'utf8')).split('\n').filter(line => line.startsWith('| [')).map(cells)
  return new Map(rows.map(([name = '', ...rest]) => [name.replace(/^\[(.*)\]\(.*\)$/, '$1'), rest.join(' | ')]))
}

/** The cells of one row of the published table. */
export async function publishedRow (name: string): Promise<string | undefined> {
  return (await publishedRows()).get(name)
}

/** A fault as the table has it. */
export function toRow ({ text, events, upstream, log, resumable }: Expected): string {
  const different = Object.entries(resumable ?? {}).map(([key, words]) => `${key}: ${words}`)
  return [text, events, upstream, log, different.join('; ') || 'the same'].join(' | ')
}

function cells (row: string): string[] {
  return row.replace(/^\| | \|$/g, '').split(' | ')
}
