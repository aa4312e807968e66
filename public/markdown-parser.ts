/*! With markdown-it, copyright 2014 Vitaly Puzrin, Alex Kocharev, MIT License, https://github.com/markdown-it/markdown-it */
import MarkdownIt, { type Env, type StateBlock, type StateInline, type Token } from 'markdown-it'

export type { Env, Token } from 'markdown-it'

/**
 * CommonMark with GFM's tables and strikethrough, and with what models often write: footnotes, formulas (kept as source text) and
 * `<br>`. Other HTML is shown as text. markdown-nodes.ts decides which addresses a link may have.
 */
const markdown = new MarkdownIt({ linkify: true })
// Only addresses with a scheme become links: otherwise `README.md` and `main.rs` would.
markdown.linkify.set({ fuzzyLink: false, fuzzyEmail: false, urlAuth: true })
markdown.validateLink = () => true
markdown.inline.ruler.before('escape', 'formula', formula)
markdown.inline.ruler.before('link', 'footnote_reference', footnoteReference)
markdown.inline.ruler.before('autolink', 'line_break', lineBreak)
markdown.block.ruler.before('fence', 'formula_block', formulaBlock, { alt: ['paragraph', 'blockquote', 'list'] })
markdown.block.ruler.before('reference', 'footnote', footnote, { alt: ['paragraph'] })

/** The tokens of a text. `env` holds the link definitions of earlier texts; those of this text are added. */
export function parse (source: string, env: Env): Token[] {
  return markdown.parse(source, env)
}

/** The block tokens of a text, without parsing their inline content, which is faster. */
export function parseBlocks (source: string): Token[] {
  const tokens: Token[] = []
  // The block parser expects `\n` as the line end.
  markdown.block.parse(source.replace(/\r\n?/g, '\n'), markdown, {}, tokens)
  return tokens
}

/** `\( … \)`, `\[ … \]` and `$$ … $$` within a line. A single `$` is a dollar. */
function formula (state: StateInline, silent: boolean): boolean {
  return match(state, silent, /\\\((?:[^\\]|\\[^)]){1,2000}?\\\)|\\\[(?:[^\\]|\\[^\]]){1,2000}?\\\]|\$\$[^$]{1,2000}\$\$/y, ([source]) => {
    state.push('formula', 'code', 0).content = source
  })
}

/** A `[^1]` in a sentence. */
function footnoteReference (state: StateInline, silent: boolean): boolean {
  return match(state, silent, /\[\^([^\]\s]{1,40})\]/y, ([, label = '']) => { state.push('footnote_reference', 'sup', 0).content = label })
}

function lineBreak (state: StateInline, silent: boolean): boolean {
  return match(state, silent, /<br ?\/?>/iy, () => { state.push('hardbreak', 'br', 0) })
}

function match (state: StateInline, silent: boolean, pattern: RegExp, found: (match: RegExpExecArray) => void): boolean {
  pattern.lastIndex = state.pos
  const result = pattern.exec(state.src)
  if (!result) return false
  if (!silent) found(result)
  state.pos += result[0].length
  return true
}

function line (state: StateBlock, number: number): string {
  return state.src.slice((state.bMarks[number] ?? 0) + (state.tShift[number] ?? 0), state.eMarks[number])
}

/** A line `$$ … $$` or `\[ … \]`. When the opening delimiter is alone on its line, the formula ends with the closing one or an empty line. */
function formulaBlock (state: StateBlock, start: number, end: number, silent: boolean): boolean {
  const first = line(state, start).trimEnd()
  const [opening, close] = first.startsWith('$$') ? ['$$', '$$'] : ['\\[', '\\]']
  if (first !== opening && !(first.startsWith(opening) && first.endsWith(close) && first.length > 4)) return false
  if (silent) return true
  let next = start + 1
  for (let open = first === opening; open && next < end && line(state, next) !== ''; next++) open = !line(state, next).trimEnd().endsWith(close)
  const token = state.push('formula_block', 'code', 0)
  token.content = state.getLines(start, next, state.blkIndent, false).trimEnd()
  token.map = [start, next]
  state.line = next
  return true
}

/** A footnote `[^1]: text`, which ends at the next empty line. */
function footnote (state: StateBlock, start: number, end: number, silent: boolean): boolean {
  const [opening, label] = /^\[\^([^\]\s]{1,40})\]:[ \t]*/.exec(line(state, start)) ?? []
  if (opening === undefined || label === undefined) return false
  if (silent) return true
  let next = start + 1
  while (next < end && line(state, next) !== '' && !/^\[\^[^\]\s]+\]:/.test(line(state, next))) next++
  const open = state.push('footnote_open', 'p', 1)
  open.map = [start, next]
  open.info = label
  const content = state.push('inline', '', 0)
  content.content = state.getLines(start, next, state.blkIndent, false).trim().slice(opening.length)
  content.map = [start, next]
  content.children = []
  state.push('footnote_close', 'p', -1)
  state.line = next
  return true
}
