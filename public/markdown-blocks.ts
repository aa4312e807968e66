import { parseBlocks, type Token } from './markdown-parser.ts'

/** A single block of this many characters is divided before its end, which may take long to arrive. */
const LONG = 16_000

/** A text that is still arriving, divided into a finished and an unfinished part. */
export interface Split {
  /** Finished blocks, which later text cannot change. */
  readonly head: string
  /** The unfinished rest, which later text may change. */
  readonly tail: string
  /** True when the tail continues the last block of the head, because that block was too long to wait for its end. */
  readonly within: boolean
}

/** A fenced code block without its closing fence yet; `end` matches the closing fence. */
export interface OpenFence {
  readonly end: RegExp
}

/**
 * Divides a text: a block is finished when another block has begun after it on a line of its own. A single block that becomes too
 * long is divided between its items, rows or lines.
 */
export function split (source: string): Split {
  const tokens = parseBlocks(source)
  const starts = startsAt(tokens, 0)
  // An incomplete last line may still turn out to belong to the block before it.
  const sure = starts.at(-1) === source.split('\n').length - 1 && !source.endsWith('\n') ? starts.at(-2) : starts.at(-1)
  if (sure) return cut(source, sure, false)
  return source.length < LONG ? { head: '', tail: source, within: false } : divide(source, tokens)
}

/** The unclosed code fence that a text begins with; undefined without one. */
export function openFence (source: string): OpenFence | undefined {
  const [token, ...others] = parseBlocks(source)
  if (token?.type !== 'fence' || others.length > 0) return undefined
  const end = new RegExp(`^ {0,3}${token.markup.slice(0, 1)}{${token.markup.length},}[ \\t]*$`, 'm')
  return end.test(source.slice(source.indexOf('\n') + 1)) ? undefined : { end }
}

function divide (source: string, tokens: readonly Token[]): Split {
  const table = tokens[0]?.type === 'table_open'
  const parts = table ? tokens.filter(({ type, level }) => type === 'tr_open' && level === 2).flatMap(({ map }) => map?.[0] ?? []) : startsAt(tokens, 1)
  const last = parts.at(-1)
  if (last && (!table || last > 2)) {
    const { head, tail } = cut(source, last, true)
    // Without the head of the table, the parser would not recognize its rows.
    return { head, tail: table ? cut(source, 2, true).head + tail : tail, within: true }
  }
  const line = source.lastIndexOf('\n', source.length - 2) + 1
  // Lists and quotations are not cut between lines, because their lines may depend on each other.
  const plain = ['paragraph_open', 'fence', 'code_block'].includes(tokens[0]?.type ?? '')
  if (line > 0 && (plain || source.length > 4 * LONG)) return { head: source.slice(0, line), tail: source.slice(line), within: true }
  return source.length < 4 * LONG ? { head: '', tail: source, within: false } : { head: source, tail: '', within: true }
}

/** The lines on which the blocks of a level begin. */
function startsAt (tokens: readonly Token[], wanted: number): number[] {
  return tokens.flatMap(({ level, nesting, map, type }) => level === wanted && nesting >= 0 && map && type !== 'inline' ? [map[0]] : [])
}

function cut (source: string, line: number, within: boolean): Split {
  let at = 0
  for (let count = 0; count < line; count++) at = source.indexOf('\n', at) + 1
  return { head: source.slice(0, at), tail: source.slice(at), within }
}
