import type { ToolPart } from '../client/index.ts'
import { make } from './dom.ts'
import { MarkdownView } from './markdown.ts'
import type { Turn } from './turns.ts'

/** How much of a tool's input or output is shown, in characters. */
const MAX_SHOWN = 20_000

/** The model's reasoning, folded, and its tool calls, one line each. */
export class ReasoningView {
  readonly root = make('div', 'way')
  readonly #title = make('span')
  readonly #text = make('div', 'thoughts')
  readonly #fold = make('details', 'reasoning', make('summary', '', make('span', 'unseen', 'Reasoning: '), this.#title), this.#text)
  readonly #tools = new Map<string, HTMLElement>()
  #markdown = new MarkdownView(this.#text)

  think (text: string): void {
    if (!this.#fold.isConnected) this.root.prepend(this.#fold)
    this.#title.textContent = 'Thinking…'
    this.#markdown.append(text)
  }

  use (tool: ToolPart): void {
    const { id, name, state, input, output } = tool
    const known = this.#tools.get(id)
    const line = make('details', 'tool', make('summary', '', name, make('span', 'tool-state', state)))
    line.dataset.state = state
    for (const text of [typeof input === 'string' ? input : JSON.stringify(input, null, 2), output]) if (text) line.append(make('pre', '', text.slice(0, MAX_SHOWN)))
    if (known instanceof HTMLDetailsElement) line.open = known.open
    if (known) known.replaceWith(line)
    else this.root.append(line)
    this.#tools.set(id, line)
  }

  /** Called when the text of the answer has begun, or the answer is over. */
  settle ({ thought }: Turn): void {
    if (!this.#fold.isConnected && !this.root.contains(this.#fold)) return
    this.#title.textContent = thought === undefined ? 'Thought' : `Thought for ${Math.max(1, Math.round(thought / 1000))} s`
    void this.#markdown.end()
  }

  /** Shows the stored reasoning and tools of a turn. */
  reset ({ reasoning, tools = [] }: Turn): void {
    this.root.replaceChildren()
    this.#text.replaceChildren()
    this.#tools.clear()
    this.#markdown = new MarkdownView(this.#text)
    if (reasoning) this.think(reasoning)
    for (const tool of tools) this.use(tool)
  }
}
