import { soon } from './frames.ts'
import { openFence, type OpenFence, split } from './markdown-blocks.ts'
import { nodesOf, type Outline } from './markdown-nodes.ts'
import { parse, type Env } from './markdown-parser.ts'
import { make } from './dom.ts'
import { morph } from './morph.ts'

/** How many characters are rendered at once, so that a long text does not block the page. */
const STEP = 4_000
/** A block that takes this long to render is rendered less often while it grows, in milliseconds. */
const SLOW = 8
/** The pause after a slow rendering, as a multiple of the time that it took. */
const REST = 4

/** How many blocks a group has. */
const GROUP = 100

/** A block that may refer to link definitions after it. */
interface Referring {
  readonly source: string
  readonly nodes: readonly ChildNode[]
  readonly outline: Outline
  readonly known: number
}

/**
 * Renders Markdown while it arrives. Finished blocks are parsed once; only the unfinished block is rendered again, at most once a
 * frame. A long text is spread over several frames.
 */
export class MarkdownView {
  readonly #root: HTMLElement
  /** The element that blocks are added to: the root, or its latest group. */
  #group: HTMLElement
  readonly #references: Record<string, { title: string, href: string }> = {}
  readonly #outline: Outline = { level: 2 }
  readonly #referring: Referring[] = []
  /** Text that has arrived and is not processed yet. */
  #waiting = ''
  /** Text of the unfinished block, which is rendered and may grow. */
  #tail = ''
  /** How many children of the group are final. */
  #finished = 0
  /** True when the tail continues the last final child. */
  #within = false
  #fence: OpenFence | undefined
  #notBefore = 0
  #ended: (() => void) | undefined

  /** Renders into an element. */
  constructor (root: HTMLElement) {
    this.#root = this.#group = root
  }

  append (text: string): void {
    this.#waiting += text
    if (text) soon(this.#work)
  }

  /** Resolves when all is rendered; nothing may be appended any more. */
  async end (): Promise<void> {
    await new Promise<void>(resolve => {
      this.#ended = resolve
      soon(this.#work)
    })
  }

  readonly #work = (): void => {
    const begun = performance.now()
    if (begun < this.#notBefore && !this.#ended) {
      setTimeout(() => soon(this.#work), this.#notBefore - begun)
      return
    }
    if (this.#waiting) this.#take()
    else if (this.#ended && !this.#conclude()) return this.#ended()
    const time = performance.now() - begun
    this.#notBefore = time > SLOW && this.#tail.length > STEP ? begun + time * (1 + REST) : 0
    if (this.#waiting || this.#ended) soon(this.#work)
  }

  #take (): void {
    const text = this.#waiting.slice(0, STEP)
    this.#waiting = this.#waiting.slice(text.length)
    this.#tail += text
    if (this.#fence && !this.#continueCode(this.#fence)) return
    const { head, tail, within } = split(this.#tail)
    const fence = within ? openFence(head) : undefined
    if (head) this.#finish(head)
    this.#tail = tail
    if (head) this.#within = within && !fence
    this.#fence = fence
    if (this.#finished >= GROUP && !within) this.#beginGroup()
    if (fence) this.#continueCode(fence)
    else morph(this.#group, this.#finished, nodesOf(parse(tail, { references: Object.create(this.#references) }), { ...this.#outline }))
  }

  /** Renders finished blocks. */
  #finish (source: string): void {
    const outline = { ...this.#outline }
    const env: Env = { references: this.#references }
    const fresh = nodesOf(parse(source, env), this.#outline)
    const { length } = fresh.childNodes
    morph(this.#group, this.#finished, fresh)
    const nodes = Array.from({ length }, (_, index) => this.#group.childNodes[this.#finished + index]).filter(node => node !== undefined)
    const [first] = nodes
    if (this.#within && first && join(first)) this.#finished--
    else if (/\[[^\]]+\]/.test(source)) this.#referring.push({ source, nodes, outline, known: Object.keys(this.#references).length })
    this.#finished += length
  }

  /** Starts a new group: the browser skips the layout of groups that are out of view (styles.css). */
  #beginGroup (): void {
    while (this.#group.childNodes.length > this.#finished) this.#group.lastChild?.remove()
    this.#group = make('div', 'blocks')
    this.#root.append(this.#group)
    this.#finished = 0
  }

  /** Appends complete lines to a code block that is too long to be rendered again; true when the block has ended. */
  #continueCode ({ end }: OpenFence): boolean {
    const code = this.#group.children[this.#finished - 1]?.querySelector('code')
    const [closing] = end.exec(this.#tail) ?? []
    const last = this.#ended && !this.#waiting ? this.#tail.length : this.#tail.lastIndexOf('\n') + 1
    const until = closing === undefined ? last : this.#tail.search(end)
    if (code && until > 0) {
      if (!code.lastElementChild?.matches('.lines')) code.append('\n')
      // A separate element, so that the browser does not lay out the earlier lines again.
      code.append(make('span', 'lines', this.#tail.slice(0, until)))
    }
    this.#tail = this.#tail.slice(closing === undefined ? until : until + closing.length + 1)
    if (closing !== undefined) this.#fence = undefined
    return closing !== undefined
  }

  /** Called when the text is complete: renders one block again that refers to a later link definition; false when none is left. */
  #conclude (): boolean {
    if (this.#fence) this.#continueCode(this.#fence)
    const first = this.#group.childNodes[this.#finished]
    if (this.#within && first) join(first)
    this.#within = false
    const env: Env = { references: this.#references }
    if (this.#tail.includes(']:')) parse(this.#tail, env)
    const next = this.#referring.pop()
    if (!next) return false
    const { source, nodes, outline, known } = next
    if (known === Object.keys(this.#references).length) return true
    const fresh = nodesOf(parse(source, env), { ...outline }).childNodes
    if (fresh.length === nodes.length) [...fresh].forEach((node, index) => nodes[index]?.isEqualNode(node) || nodes[index]?.replaceWith(node))
    return true
  }
}

/** Moves the content of a continued block into the element before it; false when the two are of different kinds. */
function join (node: ChildNode): boolean {
  const before = node.previousSibling
  if (!(node instanceof HTMLElement) || !(before instanceof HTMLElement) || node.tagName !== before.tagName) return false
  const [from, to] = node.className === 'scroller' ? [node.querySelector('tbody'), before.querySelector('tbody')] : [node, before]
  if (node instanceof HTMLParagraphElement) to?.append('\n')
  if (from) to?.append(...from.childNodes)
  node.remove()
  return true
}
