import { parseBlocks, type Token } from './markdown-parser.ts'

/** A text of this many characters is not kept waiting for the end of its only block, which may be long in coming. */
const LONG = 16_000

/** What of a text that is still arriving is finished. */
export interface Split {
  /** Blocks that nothing that follows can change. */
  readonly head: string
  /** What may become more yet. */
  readonly tail: string
  /** The tail goes on with the block that the head ends with, which was too long to wait for. */
  readonly within: boolean
}

/** A fenced code block that has begun, and what ends it. */
export interface OpenFence {
  readonly end: RegExp
}

/**
 * Divides a text: blocks are finished when another one has begun behind them on a line of its own. A single block that
 * becomes too long is divided between its items, rows or lines.
 */
export function split (source: string): Split {
  const tokens = parseBlocks(source)
  const starts = startsAt(tokens, 0)
  // A line that is still arriving may belong to the block before it in the end.
  const sure = starts.at(-1) === source.split('\n').length - 1 && !source.endsWith('\n') ? starts.at(-2) : starts.at(-1)
  if (sure) return cut(source, sure, false)
  return source.length < LONG ? { head: '', tail: source, within: false } : divide(source, tokens)
}

/** The fence that a text begins with and does not end. */
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
    // A row is one only behind its head.
    return { head, tail: table ? cut(source, 2, true).head + tail : tail, within: true }
  }
  const line = source.lastIndexOf('\n', source.length - 2) + 1
  // Within an item or a quotation, lines may belong together in ways that a cut would break.
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
