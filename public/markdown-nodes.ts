import * as smd from 'streaming-markdown'
import { codeBlock } from './code-block.ts'
import { make } from './dom.ts'

/** Deeper nesting than anybody writes, and far less than what makes a browser give up. */
const MAX_DEPTH = 32

/** The only elements that an answer can become, by what the parser found. */
const elements = new Map<number, keyof HTMLElementTagNameMap>([
  [smd.PARAGRAPH, 'p'],
  [smd.CODE_INLINE, 'code'],
  [smd.EQUATION_INLINE, 'code'],
  [smd.EQUATION_BLOCK, 'code'],
  [smd.ITALIC_AST, 'em'],
  [smd.ITALIC_UND, 'em'],
  [smd.STRONG_AST, 'strong'],
  [smd.STRONG_UND, 'strong'],
  [smd.STRIKE, 's'],
  [smd.LINK, 'span'],
  [smd.RAW_URL, 'span'],
  [smd.IMAGE, 'span'],
  [smd.BLOCKQUOTE, 'blockquote'],
  [smd.LINE_BREAK, 'br'],
  [smd.RULE, 'hr'],
  [smd.LIST_UNORDERED, 'ul'],
  [smd.LIST_ORDERED, 'ol'],
  [smd.LIST_ITEM, 'li'],
  [smd.CHECKBOX, 'span'],
  [smd.TABLE, 'table'],
  [smd.TABLE_ROW, 'tr'],
  [smd.TABLE_CELL, 'td']
])

const HEADINGS = ['h3', 'h4', 'h5', 'h6'] as const

/** Something that is being written: where its text goes, and what of it is known so far. */
interface Open {
  readonly token: smd.Token
  readonly node: HTMLElement
  readonly parent?: Open
  readonly depth: number
  url?: string
}

/**
 * Builds the nodes of an answer out of what the Markdown parser finds, and is what makes them safe: nothing is ever parsed as
 * HTML, elements are those of the list above, text is text, and the only attribute that an answer has a say in is
 * the address of a link, which is checked. Images are not fetched; they become links.
 */
export function nodesIn (root: HTMLElement): smd.Renderer<undefined> {
  let current: Open = { token: smd.DOCUMENT, node: root, depth: 0 }
  // The page's own headings are of the first two levels.
  let level = 2

  function begin (token: smd.Token): HTMLElement {
    const { node: parent, depth } = current
    if (depth > MAX_DEPTH) return parent
    if (token === smd.CODE_BLOCK || token === smd.CODE_FENCE) {
      const { block, code } = codeBlock()
      parent.append(block)
      return code
    }
    if (token === smd.TABLE) {
      const table = make('table')
      // A wide table is scrolled, by keyboard, too; the page is not.
      const scroller = make('div', 'scroller', table)
      scroller.tabIndex = 0
      scroller.setAttribute('role', 'region')
      scroller.setAttribute('aria-label', 'Table')
      parent.append(scroller)
      return table
    }
    const isHead = token === smd.TABLE_CELL && !parent.previousElementSibling
    const node = isHead ? make('th') : make(heading(token) ?? elements.get(token) ?? 'span')
    parent.append(node)
    return node
  }

  /** A level may not be left out, whatever the model thinks. */
  function heading (token: smd.Token): 'h3' | 'h4' | 'h5' | 'h6' | undefined {
    const wanted = smd.heading_to_level(token)
    if (wanted === 0) return undefined
    level = Math.min(wanted + 2, level + 1, 6)
    return HEADINGS[level - 3]
  }

  return {
    data: undefined,
    add_token: (_data, token) => { current = { token, node: begin(token), parent: current, depth: current.depth + 1 } },
    end_token: () => {
      const ended = current
      current = ended.parent ?? current
      if (ended.node !== current.node) finish(ended)
    },
    add_text: (_data, text) => { current.node.append(text) },
    set_attr: (_data, attribute, value) => {
      const { node } = current
      if (attribute === smd.HREF || attribute === smd.SRC) current.url = value
      else if (attribute === smd.LANG) node.closest('.code')?.setAttribute('data-language', value.trim().slice(0, 24))
      else if (attribute === smd.START && node instanceof HTMLOListElement) node.start = Number(value.slice(0, 9))
      else if (attribute === smd.CHECKED) node.dataset.checked = ''
    }
  }
}

function finish ({ token, node, url, parent }: Open): void {
  switch (token) {
    case smd.LINK:
      // Brackets that were no link: an index, a footnote.
      if (url === undefined) node.replaceWith('[', ...node.childNodes, ']')
      else link(node, url)
      break
    case smd.RAW_URL: {
      const [address = '', rest = ''] = split(node.textContent)
      node.textContent = address
      node.after(rest)
      link(node, address)
      break
    }
    case smd.IMAGE:
      node.prepend('Image: ')
      // A picture on a link is a part of the link.
      if (url !== undefined && parent?.token !== smd.LINK) link(node, url)
      break
    case smd.CHECKBOX:
      node.textContent = node.dataset.checked === undefined ? '☐' : '☑'
      break
    case smd.EQUATION_INLINE:
    case smd.EQUATION_BLOCK:
      // Formulas are shown as they were written.
      node.prepend('$')
      node.append('$')
  }
}

/** What follows an address in a sentence is not of it. */
function split (text: string): string[] {
  const end = /[.,:;!?)\]>'"*_]+$/.exec(text.slice(-8))?.[0].length ?? 0
  return [text.slice(0, text.length - end), text.slice(text.length - end)]
}

const PROTOCOLS = ['http:', 'https:', 'mailto:']

/** Puts a link where a node is, if its address is one that a page may send a person to. */
function link (node: HTMLElement, url: string): void {
  const address = url.trim().split(/\s/)[0] ?? ''
  if (!URL.canParse(address) || !PROTOCOLS.includes(new URL(address).protocol)) return
  const anchor = make('a', '', ...node.childNodes)
  anchor.href = address
  anchor.rel = 'noopener noreferrer'
  anchor.target = '_blank'
  node.replaceWith(anchor)
}
