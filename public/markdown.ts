/*! With streaming-markdown, copyright 2024 Damian Tarnawski, MIT License, https://github.com/thetarnav/streaming-markdown */
import * as smd from 'streaming-markdown'
import { make } from './dom.ts'
import { nodesIn } from './markdown-nodes.ts'

/** How many characters are parsed before it is looked whether the parser keeps too much. */
const STEP = 1_000
/** How much the parser may keep while it cannot tell what it is. Its work for each character grows with this. */
const MAX_PENDING = 4_000

/** Where `_` is no emphasis, and needs no help. */
const LITERAL: readonly number[] = [smd.CODE_BLOCK, smd.CODE_FENCE, smd.CODE_INLINE, smd.RAW_URL, smd.EQUATION_BLOCK, smd.EQUATION_INLINE, smd.MAYBE_URL]

/**
 * Renders Markdown while it arrives. What is there is never rendered again: pieces are gathered for a frame, then parsed once
 * and appended, so that a long answer costs as much for each piece as a short one.
 */
export class MarkdownView {
  readonly #root: HTMLElement
  readonly #onRender: () => void
  #parser: smd.Parser
  #waiting = ''
  #frame: number | undefined
  /** What was parsed last. */
  #last = ''

  /** Renders into an element and calls `onRender` whenever something was added. */
  constructor (root: HTMLElement, onRender: () => void) {
    this.#root = root
    this.#onRender = onRender
    this.#parser = smd.parser(nodesIn(root))
  }

  append (text: string): void {
    this.#waiting += text
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = undefined
      this.#render()
    })
  }

  /** Renders what is left; nothing may be appended any more. */
  end (): void {
    if (this.#frame !== undefined) cancelAnimationFrame(this.#frame)
    this.#frame = undefined
    this.#render(true)
    smd.parser_end(this.#parser)
    this.#onRender()
  }

  #render (last = false): void {
    // What follows them tells whether underscores are a part of a word.
    const kept = last ? 0 : /_*$/.exec(this.#waiting.slice(-MAX_PENDING))?.[0].length ?? 0
    const text = this.#waiting.slice(0, this.#waiting.length - kept)
    this.#waiting = this.#waiting.slice(text.length)
    text.split(/(_+)/).forEach((part, index, parts) => {
      const isWord = index % 2 === 1 && this.#isWithinWord(parts[index + 1] ?? '')
      this.#parse(isWord ? part.replaceAll('_', '\\_') : part)
      if (part) this.#last = part
    })
    this.#onRender()
  }

  #parse (text: string): void {
    for (let from = 0; from < text.length; from += STEP) {
      smd.parser_write(this.#parser, text.slice(from, from + STEP))
      if (this.#parser.pending.length > MAX_PENDING) this.#giveUp()
    }
  }

  /** The parser takes underscores within words for emphasis, which Markdown does not. */
  #isWithinWord (following: string): boolean {
    const { token, pending } = this.#parser
    const inAddress = pending.startsWith('](') || pending.startsWith('```')
    return !LITERAL.includes(token) && !inAddress && /[\p{L}\p{N}]$/u.test(this.#last) && /^[\p{L}\p{N}]/u.test(following)
  }

  /** Shows as text what has become too long to be anything else, and goes on behind it. */
  #giveUp (): void {
    const { pending } = this.#parser
    this.#root.append(make('p', '', pending))
    this.#parser = smd.parser(nodesIn(this.#root))
  }
}
