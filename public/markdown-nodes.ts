import { codeBlock } from './code-block.ts'
import { make } from './dom.ts'
import type { Token } from './markdown-parser.ts'

/** The elements that an answer may contain besides headings, code and the frames of tables, by the parser's token type. */
const elements = new Map<string, keyof HTMLElementTagNameMap>([
  ['paragraph_open', 'p'], ['footnote_open', 'p'], ['blockquote_open', 'blockquote'],
  ['bullet_list_open', 'ul'], ['ordered_list_open', 'ol'], ['list_item_open', 'li'],
  ['table_open', 'table'], ['thead_open', 'thead'], ['tbody_open', 'tbody'], ['tr_open', 'tr'], ['th_open', 'th'], ['td_open', 'td'],
  ['em_open', 'em'], ['strong_open', 'strong'], ['s_open', 's'], ['link_open', 'span']
])
const HEADINGS = ['h3', 'h4', 'h5', 'h6'] as const
const PROTOCOLS = ['http:', 'https:', 'mailto:']

/** The level of the latest heading. The page itself uses levels 1 and 2, and the headings of an answer must not skip a level. */
export interface Outline {
  level: number
}

/**
 * Converts the tokens of the Markdown parser into DOM nodes, safely: nothing is parsed as HTML, elements come only from `elements`,
 * text becomes text nodes, and the only attribute that an answer can set is the address of a link, which is checked. Images are not
 * fetched; they become links.
 */
export function nodesOf (tokens: readonly Token[], outline: Outline): DocumentFragment {
  const root = document.createDocumentFragment()
  build(root, tokens, outline)
  return root
}

function build (root: ParentNode & Node, tokens: readonly Token[], outline: Outline): void {
  const path: Array<ParentNode & Node> = [root]
  for (const token of tokens) {
    const parent = path.at(-1) ?? root
    if (token.nesting < 0) {
      path.pop()
    } else if (token.hidden) {
      // The paragraphs of a tight list are hidden tokens without an element.
      path.push(parent)
    } else if (token.nesting > 0) {
      const node = open(token, outline)
      // A table is appended with the scrollable frame around it.
      parent.append(node.closest('.scroller') ?? node)
      path.push(node)
    } else if (token.type === 'inline') {
      if (parent instanceof HTMLLIElement || parent.parentNode instanceof HTMLLIElement) checkbox(parent, token)
      build(parent, token.children ?? [], outline)
    } else {
      leaf(parent, token)
    }
  }
}

/** Makes the element of a token that contains other tokens. */
function open (token: Token, outline: Outline): HTMLElement {
  const { type, level, info } = token
  if (type === 'link_open') return link(String(token.attrGet('href') ?? ''))
  const node = make(type === 'heading_open' ? heading(token, outline) : elements.get(type) ?? 'span')
  // The text direction of a block is detected; styles.css does the same for each line.
  if (level === 0) node.dir = 'auto'
  if (node instanceof HTMLOListElement) {
    const start = Number(token.attrGet('start') ?? 1)
    if (start !== 1) node.start = start
  } else if (node instanceof HTMLTableCellElement) {
    const align = /left|center|right/.exec(String(token.attrGet('style') ?? ''))?.[0]
    if (align) node.dataset.align = align
  } else if (type === 'footnote_open') {
    node.className = 'footnote'
    node.append(make('sup', '', info), ' ')
  } else if (type === 'table_open') {
    // A wide table scrolls within its own frame, by keyboard, too, so that the page does not scroll sideways.
    const scroller = make('div', 'scroller', node)
    scroller.tabIndex = 0
    scroller.setAttribute('role', 'region')
    scroller.setAttribute('aria-label', 'Table')
  }
  return node
}

function heading ({ tag }: Token, outline: Outline): typeof HEADINGS[number] {
  outline.level = Math.min(Number(tag.slice(1)) + 2, outline.level + 1, 6)
  return HEADINGS[outline.level - 3] ?? 'h6'
}

/** Adds the node of a token that contains no other tokens. */
function leaf (parent: ParentNode, token: Token): void {
  const { type, content, info } = token
  switch (type) {
    case 'fence':
    case 'code_block':
      parent.append(codeBlock(content, info.trim().split(/\s/)[0] ?? ''))
      break
    case 'formula_block':
      parent.append(make('p', 'formula', make('code', '', content)))
      break
    case 'formula':
    case 'code_inline':
      parent.append(make('code', '', content))
      break
    case 'footnote_reference':
      parent.append(make('sup', '', content))
      break
    case 'hr':
      parent.append(make('hr'))
      break
    case 'hardbreak':
      parent.append(make('br'))
      break
    case 'softbreak':
      parent.append('\n')
      break
    case 'image': {
      // An image within a link becomes a part of that link.
      const within = parent instanceof Element && parent.closest('a') !== null
      const node = within ? make('span') : link(String(token.attrGet('src') ?? ''))
      node.append(`Image: ${wordsOf(token)}`)
      parent.append(node)
      break
    }
    default:
      parent.append(content)
  }
}

/** The words of a token without their Markdown, as the alternative of an image has them. */
function wordsOf ({ type, content, children }: Token): string {
  if (type === 'softbreak') return '\n'
  return children ? children.map(wordsOf).join('') : content
}

/** `[ ]` and `[x]` at the beginning of an item are boxes (GFM's task lists). */
function checkbox (parent: ParentNode, { children }: Token): void {
  const [first] = children ?? []
  const [mark, state] = first?.type === 'text' ? /^\[([ xX])\] /.exec(first.content) ?? [] : []
  if (!first || mark === undefined || parent.childNodes.length > 0) return
  first.content = first.content.slice(mark.length)
  const box = make('span', 'task', state === ' ' ? '☐' : '☑')
  box.setAttribute('role', 'img')
  box.setAttribute('aria-label', state === ' ' ? 'To do' : 'Done')
  parent.append(box, ' ')
}

/** A link if its address is allowed, else plain text. */
function link (address: string): HTMLElement {
  if (!URL.canParse(address) || !PROTOCOLS.includes(new URL(address).protocol)) return make('span')
  const anchor = make('a')
  anchor.href = address
  anchor.rel = 'noopener noreferrer'
  anchor.target = '_blank'
  return anchor
}
